// The tray at the bottom of the files page: each upload with its progress, speed and what can be done with it.

import { ActionIcon, Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";

import { keys } from "../../../api/keys";
import type { Upload } from "../../../api/types";
import { useLanguage } from "../../../i18n/useLanguage";
import { formatBytes } from "../../../lib/format";
import { baseName } from "../../../lib/paths";
import { useStore } from "../../../lib/store";
import { Icon } from "../../../ui/icons";
import { TrayRow } from "./TrayRow";
import { discardUpload, fetchUnfinished, resumeUpload } from "./send";
import { knowsSource } from "./sources";
import { dropUploads, uploads, type UploadItem } from "./store";
import classes from "./Tray.module.css";

export function Tray() {
  const { t } = useTranslation("files");
  const items = useStore(uploads);
  const unfinished = useUnfinished(items);
  if (items.length === 0 && unfinished.length === 0) return null;
  const conflicts = items.filter((item) => item.phase === "conflict");
  const done = items.filter((item) => item.phase === "done");
  return (
    <section className={classes.tray} aria-label={t("uploads.title")}>
      <header className={classes.header}>
        <h2>{t("uploads.title")}</h2>
        <p className="muted small" role="status">
          {t("uploads.summary", { done: done.length, count: items.length })}
        </p>
        {done.length > 0 && (
          <Button size="xs" variant="subtle" onClick={() => dropUploads(new Set(done.map((item) => item.key)))}>
            {t("uploads.clear")}
          </Button>
        )}
      </header>
      {conflicts.length > 1 && <ConflictBar items={conflicts} />}
      <ul className={classes.list}>
        {items.map((item) => (
          <TrayRow key={item.key} item={item} />
        ))}
        {unfinished.map((upload) => (
          <UnfinishedRow key={upload.id} upload={upload} />
        ))}
      </ul>
    </section>
  );
}

/** Uploads that the portal still holds a beginning of, and that this page does not send. */
function useUnfinished(items: readonly UploadItem[]): Upload[] {
  const { data } = useQuery({ queryKey: keys.uploads, queryFn: fetchUnfinished });
  const known = new Set(items.map((item) => item.path));
  return (data ?? []).filter((upload) => !known.has(upload.path));
}

function ConflictBar({ items }: { items: readonly UploadItem[] }) {
  const { t } = useTranslation("files");
  return (
    <div className={classes.conflicts} role="alert">
      <p>{t("uploads.conflicts", { count: items.length })}</p>
      <Button size="xs" variant="default" onClick={() => items.forEach((item) => resumeUpload(item.key, true))}>
        {t("uploads.replace_all")}
      </Button>
      <Button size="xs" variant="default" onClick={() => dropUploads(new Set(items.map((item) => item.key)))}>
        {t("uploads.skip_all")}
      </Button>
    </div>
  );
}

function UnfinishedRow({ upload }: { upload: Upload }) {
  const { t } = useTranslation("files");
  const language = useLanguage();
  const name = baseName(upload.path);
  const share = { done: formatBytes(upload.offset_bytes, language), all: formatBytes(upload.size_bytes, language) };
  return (
    <li className={classes.row}>
      <span className={classes.name}>{name}</span>
      <span className={classes.state}>{t(knowsSource(upload.id) ? "uploads.unfinished" : "uploads.unfinished_elsewhere", share)}</span>
      <ActionIcon aria-label={t("uploads.discard", { name })} onClick={() => void discardUpload(upload.id)}>
        <Icon name="trash" />
      </ActionIcon>
    </li>
  );
}
