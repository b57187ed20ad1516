// The filters above the audit log.

import { Button, Select, TextInput } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { NOT_ENDED, OUTCOMES, type AuditFilters } from "./filters";
import { ACTIONS, useActionText } from "./useActionText";
import { useOutcomeText } from "./useOutcomeText";
import classes from "./Audit.module.css";

const PAUSE_MS = 300;

interface Props {
  filters: AuditFilters;
  onChange: (part: AuditFilters) => void;
  onClear: () => void;
}

export function FilterBar({ filters, onChange, onClear }: Props) {
  const { t } = useTranslation("operate");
  const actionText = useActionText();
  const outcomeText = useOutcomeText();
  const options = (known: readonly string[], chosen: string | undefined, text: (value: string) => string) =>
    [...new Set([...known, ...(chosen ? [chosen] : [])])].map((value) => ({ value, label: text(value) }));
  return (
    <form className={classes.filters} aria-label={t("audit.filters")} onSubmit={(event) => event.preventDefault()}>
      <TextFilter label={t("audit.actor")} value={filters.actor} onChange={(actor) => onChange({ actor })} />
      <Select
        label={t("audit.action")}
        placeholder={t("audit.any")}
        searchable
        clearable
        clearButtonProps={{ "aria-label": t("audit.clear_this") }}
        data={options(ACTIONS, filters.action, actionText)}
        value={filters.action ?? null}
        onChange={(action) => onChange({ action: action ?? "" })}
      />
      <TextFilter label={t("audit.object")} value={filters.object} onChange={(object) => onChange({ object })} />
      <Select
        label={t("audit.outcome")}
        placeholder={t("audit.any")}
        clearable
        clearButtonProps={{ "aria-label": t("audit.clear_this") }}
        data={options(OUTCOMES, filters.outcome, (value) => outcomeText(value === NOT_ENDED ? null : value))}
        value={filters.outcome ?? null}
        onChange={(outcome) => onChange({ outcome: outcome ?? "" })}
      />
      <DayFilter label={t("audit.from")} value={filters.from} max={filters.to} onChange={(from) => onChange({ from })} />
      <DayFilter label={t("audit.to")} value={filters.to} min={filters.from} onChange={(to) => onChange({ to })} />
      {Object.keys(filters).length > 0 && (
        <Button variant="subtle" color="gray" onClick={onClear}>
          {t("audit.clear")}
        </Button>
      )}
    </form>
  );
}

interface FilterProps {
  label: string;
  value: string | undefined;
  onChange: (value: string) => void;
}

/** Exactly this text; asked for a moment after the last key. */
function TextFilter({ label, value = "", onChange }: FilterProps) {
  const [typed, setTyped] = useState(value);
  const [known, setKnown] = useState(value);
  const settle = useDebouncedCallback(onChange, PAUSE_MS);
  if (known !== value) {
    setKnown(value);
    if (typed.trim() !== value) setTyped(value); // Changed elsewhere: a pressed cell, the way back.
  }
  return (
    <TextInput
      label={label}
      spellCheck={false}
      autoCapitalize="none"
      value={typed}
      onChange={(event) => {
        setTyped(event.currentTarget.value);
        settle(event.currentTarget.value.trim());
      }}
    />
  );
}

function DayFilter({ label, value = "", min, max, onChange }: FilterProps & { min?: string | undefined; max?: string | undefined }) {
  return <TextInput type="date" label={label} value={value} min={min} max={max} onChange={(event) => onChange(event.currentTarget.value)} />;
}
