// Gives an app another name.

import { Button, Group, Modal, TextInput } from "@mantine/core";
import { useState, type FormEvent } from "react";
import { useTranslation } from "react-i18next";

import type { App } from "../../api/types";
import { useFieldErrors } from "../../components/fields";
import { ProblemNote } from "../../components/ProblemNote";
import { useRenameApp } from "./actions";
import { NAME_LENGTH, nameProblem } from "./new/checks";

interface Props {
  app: App;
  opened: boolean;
  onClose: () => void;
}

export function RenameAppDialog({ app, opened, onClose }: Props) {
  const { t } = useTranslation(["apps", "common"]);
  return (
    <Modal opened={opened} onClose={onClose} title={t("rename.title", { name: app.name })} closeButtonProps={{ "aria-label": t("common:close") }}>
      <RenameForm app={app} onClose={onClose} />
    </Modal>
  );
}

function RenameForm({ app, onClose }: Omit<Props, "opened">) {
  const { t } = useTranslation(["apps", "common", "errors"]);
  const [name, setName] = useState(app.name);
  const [checked, setChecked] = useState(false);
  const rename = useRenameApp();
  const told = useFieldErrors(rename.error);
  const problem = checked ? nameProblem(name) : null;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setChecked(true);
    if (nameProblem(name)) return;
    if (name === app.name) return onClose();
    rename.mutate({ id: app.id, name }, { onSuccess: onClose });
  };
  const error = problem ? t(`errors:${problem}`, NAME_LENGTH) : told("name");
  return (
    <form onSubmit={submit} noValidate>
      <TextInput
        label={t("rename.name")}
        description={t("new.name_help")}
        value={name}
        maxLength={NAME_LENGTH.max}
        spellCheck={false}
        data-autofocus
        onChange={(event) => setName(event.currentTarget.value)}
        error={error}
      />
      {!error && <ProblemNote error={rename.error} />}
      <Group justify="flex-end" mt="lg">
        <Button variant="default" onClick={onClose}>
          {t("common:cancel")}
        </Button>
        <Button type="submit" loading={rename.isPending}>
          {t("rename.submit")}
        </Button>
      </Group>
    </form>
  );
}
