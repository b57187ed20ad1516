// Fields that are chosen from the person's own files.

import { ActionIcon, Button, Group, Modal, TextInput } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { FolderPicker } from "../../../components/FolderPicker";
import { baseName, parentPath } from "../../../lib/paths";
import { Icon } from "../../../ui/icons";
import classes from "./JobEditor.module.css";

interface FolderFieldProps {
  label: string;
  help: string;
  path: string;
  onPath: (path: string) => void;
  error: string | undefined;
}

export function FolderField({ label, help, path, onPath, error }: FolderFieldProps) {
  const { t } = useTranslation(["jobs", "common"]);
  const [open, setOpen] = useState<string | null>(null);
  return (
    <>
      <TextInput
        label={label}
        description={help}
        value={path}
        spellCheck={false}
        autoComplete="off"
        onChange={(event) => onPath(event.currentTarget.value)}
        error={error}
        rightSection={
          <ActionIcon aria-label={t("form.choose_folder")} onClick={() => setOpen(path || "home")}>
            <Icon name="folder" />
          </ActionIcon>
        }
      />
      {open !== null && (
        <Modal opened onClose={() => setOpen(null)} title={t("form.choose_folder")} size="lg" closeButtonProps={{ "aria-label": t("common:close") }}>
          <FolderPicker path={open} onPath={setOpen} />
          <Group justify="flex-end" mt="lg">
            <Button variant="default" onClick={() => setOpen(null)}>
              {t("common:cancel")}
            </Button>
            <Button
              onClick={() => {
                onPath(open);
                setOpen(null);
              }}
            >
              {t("form.take_folder")}
            </Button>
          </Group>
        </Modal>
      )}
    </>
  );
}

interface InputsFieldProps {
  inputs: readonly string[];
  onInputs: (inputs: string[]) => void;
  error: string | undefined;
}

export function InputsField({ inputs, onInputs, error }: InputsFieldProps) {
  const { t } = useTranslation("jobs");
  const [isOpen, setOpen] = useState(false);
  return (
    <div role="group" aria-labelledby="job-inputs">
      <div id="job-inputs" className="mantine-InputWrapper-label">
        {t("form.inputs")}
      </div>
      <p className="muted small">{t("form.inputs_help")}</p>
      <ol className={classes.inputs}>
        {inputs.map((path, index) => (
          <li key={path}>
            <span>
              <code>{`$INPUT_${index + 1}`}</code> {baseName(path)}
            </span>
            <ActionIcon aria-label={t("form.remove_input", { name: baseName(path) })} onClick={() => onInputs(inputs.filter((one) => one !== path))}>
              <Icon name="cross" />
            </ActionIcon>
          </li>
        ))}
      </ol>
      {error && <p role="alert">{error}</p>}
      <Button variant="default" size="xs" mt="xs" leftSection={<Icon name="plus" size={16} />} onClick={() => setOpen(true)}>
        {t("form.add_input")}
      </Button>
      {isOpen && (
        <FileChooser
          title={t("form.add_input")}
          start={parentPath(inputs.at(-1) ?? "") ?? "home"}
          onClose={() => setOpen(false)}
          onFile={(path) => {
            onInputs(inputs.includes(path) ? [...inputs] : [...inputs, path]);
            setOpen(false);
          }}
        />
      )}
    </div>
  );
}

interface FileChooserProps {
  title: string;
  start: string;
  onFile: (path: string) => void;
  onClose: () => void;
}

export function FileChooser({ title, start, onFile, onClose }: FileChooserProps) {
  const { t } = useTranslation();
  const [path, setPath] = useState(start);
  return (
    <Modal opened onClose={onClose} title={title} size="lg" closeButtonProps={{ "aria-label": t("close") }}>
      <FolderPicker path={path} onPath={setPath} onFile={onFile} />
    </Modal>
  );
}
