// One field of a template, drawn from its schema.

import { NumberInput, Select, Switch, Textarea, TextInput } from "@mantine/core";
import { useTranslation } from "react-i18next";

import type { TemplateField } from "../../../api/types";
import { useText } from "../../../i18n/useLanguage";
import { ImageField } from "./ImageField";

interface Props {
  field: TemplateField;
  value: string;
  error: string | undefined;
  /** For a field of the kind `image`: patterns of what it takes, and what she has used, the newest first. */
  images: { allowed: readonly string[]; used: readonly string[] };
  onChange: (value: string) => void;
}

export function TemplateFieldInput({ field, value, error, images, onChange }: Props) {
  const { t } = useTranslation();
  const text = useText();
  const label = field.required || field.kind === "toggle" ? text(field.label) : `${text(field.label)} (${t("optional")})`;
  const shared = { label, description: text(field.help) || undefined, error };
  const typed = { ...shared, value, onChange: (event: { currentTarget: { value: string } }) => onChange(event.currentTarget.value) };
  switch (field.kind) {
    case "multiline":
      return <Textarea {...typed} autosize minRows={3} maxRows={12} spellCheck={false} styles={{ input: { fontFamily: "var(--font-mono)" } }} />;
    case "number":
      return (
        <NumberInput
          {...shared}
          value={value}
          clampBehavior="none"
          {...(typeof field.min === "number" ? { min: field.min } : {})}
          {...(typeof field.max === "number" ? { max: field.max } : {})}
          onChange={(next) => onChange(String(next))}
        />
      );
    case "choice":
      return (
        <Select
          {...shared}
          value={value || null}
          allowDeselect={!field.required}
          data={field.choices.map((choice) => ({ value: choice.value, label: text(choice.label) || choice.value }))}
          onChange={(next) => onChange(next ?? "")}
        />
      );
    case "toggle":
      return <Switch {...shared} checked={value === "true"} onChange={(event) => onChange(String(event.currentTarget.checked))} />;
    case "path":
      return <TextInput {...typed} placeholder="home/" spellCheck={false} styles={{ input: { fontFamily: "var(--font-mono)" } }} />;
    case "image":
      return <ImageField {...images} label={label} help={shared.description} error={error} value={value} onChange={onChange} />;
    case "arguments":
      return <TextInput {...typed} spellCheck={false} autoCapitalize="none" styles={{ input: { fontFamily: "var(--font-mono)" } }} />;
    case "text":
      return <TextInput {...typed} spellCheck={false} />;
  }
}
