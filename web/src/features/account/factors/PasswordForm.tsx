// Asks for the password before a change of what its person signs in by.

import { Button, Group, PasswordInput, Stack } from "@mantine/core";
import { useState, type FormEvent } from "react";
import { useTranslation } from "react-i18next";

import { session } from "../../../api/session";
import { useFieldErrors } from "../../../components/fields";
import { ProblemNote } from "../../../components/ProblemNote";
import { useStore } from "../../../lib/store";

interface Props {
  submit: string;
  /** What can't be undone is red. */
  danger?: boolean;
  busy: boolean;
  error: unknown;
  onPassword: (password: string) => void;
}

export function PasswordForm({ submit, danger = false, busy, error, onPassword }: Props) {
  const { t } = useTranslation(["account", "signin", "errors"]);
  const account = useStore(session)?.user.name ?? "";
  const [password, setPassword] = useState("");
  const [isMissing, setMissing] = useState(false);
  const told = useFieldErrors(error)("password");
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    setMissing(password === "");
    if (password !== "" && !busy) onPassword(password);
  };
  return (
    <form onSubmit={onSubmit} noValidate>
      <Stack gap="md">
        <p className="muted">{t("two_step.password_why")}</p>
        <input type="text" autoComplete="username" value={account} readOnly hidden />
        <PasswordInput
          label={t("password.current")}
          autoComplete="current-password"
          data-autofocus
          visibilityToggleButtonProps={{ "aria-label": t("signin:show") }}
          value={password}
          onChange={(event) => setPassword(event.currentTarget.value)}
          error={isMissing && password === "" ? t("errors:required") : told}
        />
        {!told && <ProblemNote error={error} />}
        <Group justify="flex-end">
          <Button type="submit" loading={busy} {...(danger ? { color: "red" } : {})}>
            {submit}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
