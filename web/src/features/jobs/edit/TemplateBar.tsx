// Fills the form from one of the centre's examples.

import { NativeSelect } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import type { JobForm, ScriptTemplate } from "../../../api/types";
import { ConfirmDialog } from "../../../components/ConfirmDialog";
import { useText } from "../../../i18n/useLanguage";
import { scriptTemplatesQuery } from "../queries";
import { EMPTY_FORM } from "./draft";

interface Props {
  system: string;
  form: JobForm;
  onForm: (form: JobForm) => void;
}

export function TemplateBar({ system, form, onForm }: Props) {
  const { t } = useTranslation("jobs");
  const text = useText();
  const templates = useQuery(scriptTemplatesQuery(system)).data ?? [];
  const [asked, setAsked] = useState<ScriptTemplate | null>(null);
  const [chosen, setChosen] = useState("");
  if (templates.length === 0) return null;
  const take = (template: ScriptTemplate) => {
    setChosen(template.id);
    setAsked(null);
    const { queue, work_dir, options } = form;
    onForm({ ...EMPTY_FORM, ...template.form, queue, work_dir, options: options ?? {}, command: template.form.command || (template.body ?? "") });
  };
  const choose = (id: string) => {
    const template = templates.find((one) => one.id === id);
    if (!template) return;
    // What the person typed is not thrown away unasked; an untouched example is.
    const isOwn = form.command.trim() !== "" && !templates.some((one) => (one.form.command || one.body) === form.command);
    if (isOwn) setAsked(template);
    else take(template);
  };
  return (
    <>
      <NativeSelect
        label={t("template.label")}
        value={chosen}
        onChange={(event) => choose(event.currentTarget.value)}
        data={[{ value: "", label: t("template.none") }, ...templates.map(({ id, title }) => ({ value: id, label: text(title) }))]}
      />
      <ConfirmDialog opened={asked !== null} title={t("template.replace_title")} confirm={t("template.replace")} onConfirm={() => asked && take(asked)} onClose={() => setAsked(null)}>
        {t("template.replace_text")}
      </ConfirmDialog>
    </>
  );
}
