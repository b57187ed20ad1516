// Opens a script from the person's files: it fills the form, its own part goes below the head.

import { Modal } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { portalFetch } from "../../../api/fetch";
import { localProblem, toApiError } from "../../../api/problem";
import type { JobForm } from "../../../api/types";
import { FolderPicker } from "../../../components/FolderPicker";
import { ProblemNote } from "../../../components/ProblemNote";
import { toText } from "../../../lib/octets";
import { contentAddress, parentPath } from "../../../lib/paths";
import { EMPTY_FORM } from "./draft";
import { parseScript } from "./useScript";

const MOST_SCRIPT_BYTES = 1024 * 1024;

interface Props {
  system: string;
  onForm: (form: JobForm) => void;
  onClose: () => void;
}

export function OpenScriptDialog({ system, onForm, onClose }: Props) {
  const { t } = useTranslation(["jobs", "common"]);
  const [path, setPath] = useState("home");
  const open = useMutation({
    mutationFn: async (file: string) => {
      const { form } = await parseScript(system, await fetchScript(file));
      return { ...EMPTY_FORM, ...form, work_dir: parentPath(file) ?? "home" };
    },
    onSuccess: (form) => {
      onForm(form);
      onClose();
    },
  });
  return (
    <Modal opened onClose={onClose} title={t("script.open_title")} size="lg" closeButtonProps={{ "aria-label": t("common:close") }}>
      <FolderPicker path={path} onPath={setPath} onFile={(file) => open.mutate(file)} />
      <ProblemNote error={open.error} />
    </Modal>
  );
}

async function fetchScript(path: string): Promise<string> {
  const answer = await portalFetch(new Request(new URL(contentAddress(path), window.location.origin)));
  if (!answer.ok) throw toApiError(await answer.json().catch(() => null), answer);
  if (Number(answer.headers.get("Content-Length") ?? 0) > MOST_SCRIPT_BYTES) {
    await answer.body?.cancel();
    throw localProblem("script_too_large", "this file is too large for a script");
  }
  return toText(new Uint8Array(await answer.arrayBuffer()));
}
