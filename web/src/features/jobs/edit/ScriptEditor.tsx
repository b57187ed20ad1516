// The script: the head that the form makes, read-only, and the person's own part below it.

import { Button, Textarea } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import type { JobForm, Rendered } from "../../../api/types";
import { CopyButton } from "../../../components/CopyButton";
import { Icon } from "../../../ui/icons";
import { OpenScriptDialog } from "./OpenScriptDialog";
import { SaveScriptDialog } from "./SaveScriptDialog";
import classes from "./JobEditor.module.css";

interface Props {
  system: string;
  form: JobForm;
  script: Rendered | undefined;
  onChange: (part: Partial<JobForm>) => void;
  onForm: (form: JobForm) => void;
  refused: (field: string) => string | undefined;
}

export function ScriptEditor({ system, form, script, onChange, onForm, refused }: Props) {
  const { t } = useTranslation("jobs");
  const [dialog, setDialog] = useState<"open" | "save" | null>(null);
  return (
    <section className={classes.script} aria-labelledby="script-title">
      <header>
        <h2 id="script-title">{t("script.title")}</h2>
        <span className={classes.bar}>
          <Button size="xs" variant="default" leftSection={<Icon name="file" size={16} />} onClick={() => setDialog("open")}>
            {t("script.open")}
          </Button>
          <Button size="xs" variant="default" leftSection={<Icon name="download" size={16} />} onClick={() => setDialog("save")}>
            {t("script.save")}
          </Button>
          <CopyButton text={() => script?.script ?? ""} />
        </span>
      </header>
      {/* Focusable, so that the keyboard scrolls it (WCAG 2.1.1). */}
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
      <pre className={classes.directives} tabIndex={0} aria-label={t("script.directives")}>
        {script?.directives}
      </pre>
      <Textarea
        className={classes.own ?? ""}
        label={t("script.own")}
        placeholder={t("script.placeholder")}
        value={form.command}
        autosize
        minRows={10}
        maxRows={28}
        spellCheck={false}
        autoCapitalize="none"
        onChange={(event) => onChange({ command: event.currentTarget.value })}
        error={refused("command")}
      />
      {dialog === "open" && <OpenScriptDialog system={system} onForm={onForm} onClose={() => setDialog(null)} />}
      {dialog === "save" && <SaveScriptDialog system={system} form={form} onClose={() => setDialog(null)} />}
    </section>
  );
}
