// The form of a new token: what it is for, how long, what it may do, from where.

import { Button, Checkbox, Select, Stack, TextInput } from "@mantine/core";
import { useState, type FormEvent } from "react";
import { useTranslation } from "react-i18next";

import "@mantine/core/styles/Checkbox.css";

import { session } from "../../api/session";
import { ApiError } from "../../api/problem";
import type { NewToken, Scope } from "../../api/types";
import { useFieldErrors } from "../../components/fields";
import { ProblemNote } from "../../components/ProblemNote";
import { useLanguage } from "../../i18n/useLanguage";
import { formatNumber } from "../../lib/format";
import { useStore } from "../../lib/store";
import { useCreateToken } from "./queries";
import { offeredScopes, reachesFilesAnyway, readNetworks, SCOPES } from "./tokens";
import classes from "./Section.module.css";

const DAYS = [7, 30, 90, 365];
const START = { name: "", days: 90, scopes: SCOPES, networks: "" };
const FIELDS = ["name", "expires_in_days", "scopes", "networks"];

export function CreateToken({ onMade }: { onMade: (made: NewToken) => void }) {
  const { t } = useTranslation(["account", "errors", "common"]);
  const language = useLanguage();
  const [values, setValues] = useState(START);
  const [checked, setChecked] = useState(false);
  const create = useCreateToken();
  const told = useFieldErrors(create.error);
  const networkProblems = useNetworkProblems(create.error, create.variables?.networks ?? []);
  const change = (part: Partial<typeof START>) => setValues({ ...values, ...part });
  const isNameMissing = values.name.trim() === "";
  const isScopeMissing = values.scopes.length === 0;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setChecked(true);
    if (isNameMissing || isScopeMissing) return;
    const done = (made: NewToken) => {
      onMade(made);
      setValues(START);
      setChecked(false);
    };
    const { name, days, scopes, networks } = values;
    create.mutate(
      { name: name.trim(), expires_in_days: days, scopes: [...scopes], networks: readNetworks(networks) },
      { onSuccess: done },
    );
  };
  return (
    <form onSubmit={submit} noValidate className={classes.token}>
      <h3>{t("tokens.new")}</h3>
      <div className={classes.pair}>
        <TextInput
          label={t("tokens.name")}
          value={values.name}
          maxLength={100}
          onChange={(event) => change({ name: event.currentTarget.value })}
          error={checked && isNameMissing ? t("errors:required") : told("name")}
        />
        <Select
          label={t("tokens.days")}
          value={String(values.days)}
          allowDeselect={false}
          data={DAYS.map((count) => ({ value: String(count), label: t("tokens.days_count", { count, shown: formatNumber(count, language) }) }))}
          onChange={(value) => change({ days: Number(value) })}
          error={told("expires_in_days")}
        />
      </div>
      <ScopeChoice
        chosen={values.scopes}
        onChange={(scopes) => change({ scopes })}
        error={checked && isScopeMissing ? t("tokens.scope_missing") : told("scopes")}
      />
      <TextInput
        label={`${t("tokens.networks")} (${t("common:optional")})`}
        description={t("tokens.networks_help")}
        placeholder="192.0.2.0/24"
        value={values.networks}
        spellCheck={false}
        onChange={(event) => change({ networks: event.currentTarget.value })}
        error={networkProblems}
      />
      {!isTold(create.error) && <ProblemNote error={create.error} />}
      <div>
        <Button type="submit" variant="default" loading={create.isPending}>
          {t("tokens.create")}
        </Button>
      </div>
    </form>
  );
}

interface ScopeChoiceProps {
  chosen: readonly Scope[];
  onChange: (chosen: Scope[]) => void;
  error: string | undefined;
}

function ScopeChoice({ chosen, onChange, error }: ScopeChoiceProps) {
  const { t } = useTranslation("account");
  const role = useStore(session)?.role;
  return (
    <Checkbox.Group label={t("tokens.scopes")} value={[...chosen]} onChange={(next) => onChange(next as Scope[])} error={error}>
      <Stack gap="xs" mt="xs" mb="xs">
        {offeredScopes(role).map((scope) => (
          <Checkbox key={scope} value={scope} label={t(`scopes.${scope}.name`)} description={t(`scopes.${scope}.help`)} />
        ))}
      </Stack>
      <p role="status" className={classes.warning}>
        {reachesFilesAnyway(chosen) && t("tokens.reaches_files")}
      </p>
    </Checkbox.Group>
  );
}

/** The networks that are none, each with its text. */
function useNetworkProblems(error: unknown, sent: readonly string[]): string | undefined {
  const told = useFieldErrors(error);
  const problems = sent.flatMap((network, index) => {
    const problem = told(`networks[${index}]`);
    return problem ? [`${network}: ${problem}`] : [];
  });
  return told("networks") ?? (problems.length > 0 ? problems.join(" ") : undefined);
}

function isTold(error: unknown): boolean {
  return error instanceof ApiError && error.fields.length > 0 && error.fields.every(({ field }) => FIELDS.includes(field.replace(/\[\d+\]$/, "")));
}
