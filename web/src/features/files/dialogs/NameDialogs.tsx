// Dialogs that ask for a name: a new folder's, or another one for an entry.

import { Button, Group, Modal, TextInput } from "@mantine/core";
import { useState, type FormEvent } from "react";
import { useTranslation } from "react-i18next";

import type { Entry } from "../../../api/types";
import { ProblemNote } from "../../../components/ProblemNote";
import { baseName, encodeName, joinPath, nameFault, parentPath } from "../../../lib/paths";
import { isFolder } from "../sort";
import { useMakeFolder, useMove } from "../queries";

export function NewFolderDialog({ folder, onClose }: { folder: string; onClose: () => void }) {
  const { t } = useTranslation("files");
  const make = useMakeFolder();
  return (
    <NameDialog
      title={t("new_folder.title", { folder: baseName(folder) })}
      submit={t("new_folder.submit")}
      initial=""
      busy={make.isPending}
      error={make.error}
      onSubmit={(name) => make.mutate(joinPath(folder, name), { onSuccess: onClose })}
      onClose={onClose}
    />
  );
}

export function RenameDialog({ entry, onClose }: { entry: Entry; onClose: () => void }) {
  const { t } = useTranslation("files");
  const move = useMove();
  const rename = (name: string) => {
    if (encodeName(name) === encodeName(entry.name)) return onClose();
    const to = joinPath(parentPath(entry.path) ?? "", name);
    return move.mutate({ from: entry.path, to }, { onSuccess: onClose });
  };
  return (
    <NameDialog
      title={t("rename.title", { name: entry.name })}
      submit={t("rename.submit")}
      initial={entry.name}
      stemOnly={!isFolder(entry)}
      busy={move.isPending}
      error={move.error}
      onSubmit={rename}
      onClose={onClose}
    />
  );
}

interface NameDialogProps {
  title: string;
  submit: string;
  initial: string;
  /** Selects the name without its ending. */
  stemOnly?: boolean;
  busy: boolean;
  error: unknown;
  onSubmit: (name: string) => void;
  onClose: () => void;
}

function NameDialog({ title, submit, initial, stemOnly, busy, error, onSubmit, onClose }: NameDialogProps) {
  const { t } = useTranslation(["files", "common", "errors"]);
  const [name, setName] = useState(initial);
  const [isTried, setTried] = useState(false);
  const fault = nameFault(name);
  const send = (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (!fault && !busy) onSubmit(name);
  };
  return (
    <Modal opened onClose={onClose} title={title} closeButtonProps={{ "aria-label": t("common:close") }}>
      <form onSubmit={send} noValidate>
        <TextInput
          label={t("name_label")}
          value={name}
          data-autofocus
          autoComplete="off"
          spellCheck={false}
          onChange={(event) => setName(event.currentTarget.value)}
          onFocus={(event) => event.currentTarget.setSelectionRange(0, stemLength(initial, stemOnly))}
          error={isTried && fault ? t(`errors:${fault}`) : undefined}
        />
        <ProblemNote error={error} />
        <Group justify="flex-end" mt="lg">
          <Button variant="default" onClick={onClose}>
            {t("common:cancel")}
          </Button>
          <Button type="submit" loading={busy}>
            {submit}
          </Button>
        </Group>
      </form>
    </Modal>
  );
}

function stemLength(name: string, stemOnly = false): number {
  const dot = name.lastIndexOf(".");
  return stemOnly && dot > 0 ? dot : name.length;
}
