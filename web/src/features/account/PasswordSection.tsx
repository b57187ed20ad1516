// Changes the password.

import { Button, Checkbox, PasswordInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { useTranslation } from "react-i18next";

import { session } from "../../api/session";
import { useFieldErrors } from "../../components/fields";
import { ProblemNote } from "../../components/ProblemNote";
import { useLanguage } from "../../i18n/useLanguage";
import { formatNumber } from "../../lib/format";
import { useStore } from "../../lib/store";
import { tokensQuery, useChangePassword } from "./queries";
import { Section } from "./Section";
import classes from "./Section.module.css";

const EMPTY = { current: "", new: "", again: "" };

export function PasswordSection() {
  const { t } = useTranslation(["account", "errors", "signin"]);
  const account = useStore(session)?.user.name;
  const [values, setValues] = useState(EMPTY);
  const [checked, setChecked] = useState(false);
  const [revoke, setRevoke] = useState(true);
  const change = useChangePassword();
  const told = useFieldErrors(change.error);
  const own = checked ? ownProblems(values) : {};
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setChecked(true);
    if (Object.keys(ownProblems(values)).length > 0) return;
    const done = () => {
      setValues(EMPTY);
      setChecked(false);
      setRevoke(true);
    };
    change.mutate({ current: values.current, new: values.new, revoke_tokens: revoke }, { onSuccess: done });
  };
  const field = (name: keyof typeof EMPTY, autoComplete: string) => {
    const problem = own[name];
    return (
      <PasswordInput
        label={t(`password.${name}`)}
        autoComplete={autoComplete}
        visibilityToggleButtonProps={{ "aria-label": t("signin:show") }}
        value={values[name]}
        onChange={(event) => setValues({ ...values, [name]: event.currentTarget.value })}
        error={problem === "required" ? t("errors:required") : problem === "mismatch" ? t("password.mismatch") : told(name)}
      />
    );
  };
  const isTold = ["current", "new"].some((name) => told(name));
  return (
    <Section title={t("password.title")} hint={t("password.hint")}>
      <form className={classes.form} onSubmit={submit} noValidate>
        <input type="text" autoComplete="username" value={account ?? ""} readOnly hidden />
        {field("current", "current-password")}
        {field("new", "new-password")}
        {field("again", "new-password")}
        <RevokeTokens checked={revoke} onChange={setRevoke} />
        {!isTold && <ProblemNote error={change.error} />}
        <div role="status">{change.isSuccess && t("password.done")}</div>
        <div>
          <Button type="submit" loading={change.isPending}>
            {t("password.submit")}
          </Button>
        </div>
      </form>
    </Section>
  );
}

/** Asks what becomes of the tokens of somebody who has some: whoever knew the old password may have made one. */
function RevokeTokens({ checked, onChange }: { checked: boolean; onChange: (checked: boolean) => void }) {
  const { t } = useTranslation("account");
  const language = useLanguage();
  const count = useQuery(tokensQuery).data?.length ?? 0;
  if (count === 0) return null;
  return (
    <Checkbox
      label={t("password.revoke", { count, shown: formatNumber(count, language) })}
      description={t("password.revoke_help")}
      checked={checked}
      onChange={(event) => onChange(event.currentTarget.checked)}
    />
  );
}

function ownProblems(values: typeof EMPTY): Partial<Record<keyof typeof EMPTY, "required" | "mismatch">> {
  return {
    ...(values.current === "" && { current: "required" as const }),
    ...(values.new === "" && { new: "required" as const }),
    ...(values.new !== values.again && { again: "mismatch" as const }),
  };
}
