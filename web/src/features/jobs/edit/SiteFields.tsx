// What the site asks of jobs on a system beside what every scheduler knows: an account, a field of research.

import { NativeSelect, TextInput } from "@mantine/core";
import { useTranslation } from "react-i18next";

import type { OptionField, SiteOption } from "../../../api/types";
import { useText } from "../../../i18n/useLanguage";
import classes from "./JobEditor.module.css";

interface Props {
  options: readonly SiteOption[];
  values: Readonly<Record<string, string>>;
  onValues: (values: Record<string, string>) => void;
  errorAt: (field: string) => string | undefined;
}

export function SiteFields({ options, values, onValues, errorAt }: Props) {
  const { t } = useTranslation("jobs");
  const fields = options.flatMap((option) => option.fields);
  if (fields.length === 0) return null;
  return (
    <fieldset className={classes.group}>
      <legend>{t("form.site")}</legend>
      <div className={classes.pair}>
        {fields.map((field) => (
          <SiteField
            key={field.id}
            field={field}
            value={values[field.id] ?? field.default}
            onValue={(value) => onValues({ ...values, [field.id]: value })}
            error={errorAt(`options.${field.id}`)}
          />
        ))}
      </div>
    </fieldset>
  );
}

interface FieldProps {
  field: OptionField;
  value: string;
  onValue: (value: string) => void;
  error: string | undefined;
}

function SiteField({ field, value, onValue, error }: FieldProps) {
  const text = useText();
  const shared = { label: text(field.title), description: field.help && text(field.help), required: field.required, withAsterisk: field.required, value, error };
  if (field.choices.length === 0) {
    return <TextInput {...shared} maxLength={255} autoComplete="off" spellCheck={false} onChange={(event) => onValue(event.currentTarget.value)} />;
  }
  // What a script said that was opened stays, and is marked.
  const choices = ["", ...field.choices, ...(value === "" || field.choices.includes(value) ? [] : [value])];
  return <NativeSelect {...shared} data={choices.map((choice) => ({ value: choice, label: choice || "–" }))} onChange={(event) => onValue(event.currentTarget.value)} />;
}
