// A look into a file: its text (the head of large ones) or its picture.

import { Button, Group, Modal, Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useMemo } from "react";
import { useTranslation } from "react-i18next";

import { portalFetch } from "../../../api/fetch";
import { toApiError } from "../../../api/problem";
import type { Entry } from "../../../api/types";
import { ProblemNote } from "../../../components/ProblemNote";
import { useLanguage } from "../../../i18n/useLanguage";
import { formatBytes } from "../../../lib/format";
import { contentAddress } from "../../../lib/paths";
import { Icon } from "../../../ui/icons";
import { isFile } from "../sort";
import classes from "./PreviewDialog.module.css";

const HEAD_BYTES = 128 * 1024;
const MOST_PICTURE_BYTES = 20 * 1024 * 1024;
const PICTURES: Record<string, string> = {
  png: "image/png", jpg: "image/jpeg", jpeg: "image/jpeg", gif: "image/gif", webp: "image/webp", svg: "image/svg+xml", bmp: "image/bmp",
};

export function PreviewDialog({ entry, onClose }: { entry: Entry; onClose: () => void }) {
  const { t } = useTranslation(["files", "common"]);
  return (
    <Modal opened onClose={onClose} title={entry.name} size="xl" closeButtonProps={{ "aria-label": t("common:close") }}>
      {isFile(entry) ? <Content entry={entry} /> : <p className="muted">{t("preview.none")}</p>}
      {isFile(entry) && (
        <Group justify="flex-end" mt="md">
          <Button component="a" href={contentAddress(entry.path)} download leftSection={<Icon name="download" />}>
            {t("download")}
          </Button>
        </Group>
      )}
    </Modal>
  );
}

function Content({ entry }: { entry: Entry }) {
  const { t } = useTranslation("files");
  const language = useLanguage();
  const picture = entry.size_bytes <= MOST_PICTURE_BYTES ? PICTURES[endingOf(entry.name)] : undefined;
  const { data, error, isLoading } = useQuery({
    queryKey: ["files", "preview", entry.path, entry.modified_at],
    queryFn: ({ signal }) => fetchHead(entry, picture ? entry.size_bytes : HEAD_BYTES, signal),
    gcTime: 0,
  });
  if (isLoading) return <Skeleton height={220} />;
  if (error || !data) return <ProblemNote error={error} />;
  if (picture) return <Picture bytes={data} type={picture} name={entry.name} />;
  const text = readText(data);
  if (text === null) return <p className="muted">{t("preview.binary", { size: formatBytes(entry.size_bytes, language) })}</p>;
  return (
    <>
      {/* Focusable, so that the keyboard scrolls it (WCAG 2.1.1). */}
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
      <pre className={classes.text} tabIndex={0} aria-label={entry.name}>
        {text}
      </pre>
      {entry.size_bytes > HEAD_BYTES && (
        <p className="muted small">{t("preview.head", { size: formatBytes(HEAD_BYTES, language), all: formatBytes(entry.size_bytes, language) })}</p>
      )}
    </>
  );
}

function Picture({ bytes, type, name }: { bytes: ArrayBuffer; type: string; name: string }) {
  const address = useMemo(() => URL.createObjectURL(new Blob([bytes], { type })), [bytes, type]);
  useEffect(() => () => URL.revokeObjectURL(address), [address]);
  return <img className={classes.picture} src={address} alt={name} />;
}

async function fetchHead(entry: Entry, bytes: number, signal: AbortSignal): Promise<ArrayBuffer> {
  const address = new URL(contentAddress(entry.path), window.location.origin);
  const headers = entry.size_bytes > bytes ? { Range: `bytes=0-${bytes - 1}` } : undefined;
  const answer = await portalFetch(new Request(address, { signal, ...(headers ? { headers } : {}) }));
  if (!answer.ok) throw toApiError(await answer.json().catch(() => null), answer);
  return answer.arrayBuffer();
}

/** The bytes as text; null when they are none. */
function readText(bytes: ArrayBuffer): string | null {
  const view = new Uint8Array(bytes);
  if (view.subarray(0, 4096).includes(0)) return null;
  return new TextDecoder().decode(view);
}

function endingOf(name: string): string {
  return name.slice(name.lastIndexOf(".") + 1).toLowerCase();
}
