// Changes the password.

import { Button, PasswordInput } from "@mantine/core";
import { useState, type FormEvent } from "react";
import { useTranslation } from "react-i18next";

import { session } from "../../api/session";
import { useFieldErrors } from "../../components/fields";
import { ProblemNote } from "../../components/ProblemNote";
import { useStore } from "../../lib/store";
import { useChangePassword } from "./queries";
import { Section } from "./Section";
import classes from "./Section.module.css";

const EMPTY = { current: "", new: "", again: "" };

export function PasswordSection() {
  const { t } = useTranslation(["account", "errors", "signin"]);
  const account = useStore(session)?.user.name;
  const [values, setValues] = useState(EMPTY);
  const [checked, setChecked] = useState(false);
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
    };
    change.mutate({ current: values.current, new: values.new }, { onSuccess: done });
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

function ownProblems(values: typeof EMPTY): Partial<Record<keyof typeof EMPTY, "required" | "mismatch">> {
  return {
    ...(values.current === "" && { current: "required" as const }),
    ...(values.new === "" && { new: "required" as const }),
    ...(values.new !== values.again && { again: "mismatch" as const }),
  };
}
