// Saves the script into the person's files; replaces a file only when she says so.

import { Button, Group, Modal, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { useTranslation } from "react-i18next";

import { portalFetch } from "../../../api/fetch";
import { ApiError, toApiError } from "../../../api/problem";
import type { JobForm } from "../../../api/types";
import { FolderPicker } from "../../../components/FolderPicker";
import { ProblemNote } from "../../../components/ProblemNote";
import { useRefresh } from "../../files/queries";
import { toBytes } from "../../../lib/octets";
import { contentAddress, joinPath, nameFault } from "../../../lib/paths";
import { renderScript } from "./useScript";

interface Props {
  system: string;
  form: JobForm;
  onClose: () => void;
}

export function SaveScriptDialog({ system, form, onClose }: Props) {
  const { t } = useTranslation(["jobs", "common", "errors"]);
  const refresh = useRefresh();
  const [folder, setFolder] = useState(form.work_dir);
  const [name, setName] = useState(`${form.name}.sh`);
  const fault = nameFault(name);
  const save = useMutation({
    mutationFn: async (isReplacing: boolean) => {
      const { script } = await renderScript(system, form);
      await putScript(joinPath(folder, name), script, isReplacing);
    },
    onSuccess: () => {
      refresh(folder);
      onClose();
    },
  });
  const isThere = save.error instanceof ApiError && save.error.code === "file_exists";
  const send = (event: FormEvent) => {
    event.preventDefault();
    event.stopPropagation();
    if (!fault && !save.isPending) save.mutate(isThere);
  };
  return (
    <Modal opened onClose={onClose} title={t("script.save_title")} size="lg" closeButtonProps={{ "aria-label": t("common:close") }}>
      <form onSubmit={send} noValidate>
        <FolderPicker path={folder} onPath={setFolder} />
        <TextInput
          mt="md"
          label={t("script.file_name")}
          value={name}
          data-autofocus
          onChange={(event) => {
            setName(event.currentTarget.value);
            save.reset();
          }}
          error={fault ? t(`errors:${fault}` as "errors:name_empty") : undefined}
        />
        <ProblemNote error={save.error} />
        <Group justify="flex-end" mt="lg">
          <Button variant="default" onClick={onClose}>
            {t("common:cancel")}
          </Button>
          <Button type="submit" color={isThere ? "red" : undefined} loading={save.isPending}>
            {isThere ? t("script.replace") : t("common:save")}
          </Button>
        </Group>
      </form>
    </Modal>
  );
}

async function putScript(path: string, script: string, isReplacing: boolean): Promise<void> {
  const headers: Record<string, string> = { "Content-Type": "application/octet-stream" };
  if (!isReplacing) headers["If-None-Match"] = "*";
  const request = new Request(new URL(contentAddress(path), window.location.origin), { method: "PUT", body: toBytes(script), headers });
  const answer = await portalFetch(request);
  if (!answer.ok) throw toApiError(await answer.json().catch(() => null), answer);
}
