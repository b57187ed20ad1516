// Name and password.

import { Button, PasswordInput, Stack, TextInput } from "@mantine/core";
import { useState, type FormEvent, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import type { Session, SignInStep, Way } from "../../api/types";
import { useText } from "../../i18n/useLanguage";
import { AttemptNote } from "./AttemptNote";
import { sendPassword } from "./calls";
import { useAttempt } from "./useAttempt";
import classes from "./SignInPage.module.css";

interface Props {
  name: string;
  onName: (name: string) => void;
  /** The name can't be changed. */
  isFixed: boolean;
  /** Whose password it is; the portal's own where the site is not known yet. */
  way: Way | undefined;
  chooser: ReactNode;
  onAnswer: (answer: Session | SignInStep) => void;
}

export function PasswordForm({ name, onName, isFixed, way, chooser, onAnswer }: Props) {
  const { t } = useTranslation(["signin", "errors"]);
  const text = useText();
  const [password, setPassword] = useState("");
  const [missing, setMissing] = useState({ name: false, password: false });
  const { mutate, isPending, error, waitSecs } = useAttempt(sendPassword, { onDone: onAnswer });

  const submit = (event: FormEvent) => {
    event.preventDefault();
    const empty = { name: name.trim() === "", password: password === "" };
    setMissing(empty);
    if (empty.name || empty.password || isPending || waitSecs > 0) return;
    mutate({ ...(way ? { provider: way.id } : {}), name: name.trim(), password });
  };

  return (
    <form onSubmit={submit} noValidate>
      <Stack gap="md">
        {chooser}
        <TextInput
          label={t("name")}
          name="name"
          size="md"
          autoComplete="username"
          autoCapitalize="none"
          spellCheck={false}
          autoFocus={!isFixed}
          readOnly={isFixed}
          value={name}
          onChange={(event) => onName(event.currentTarget.value)}
          error={missing.name && t("errors:required")}
        />
        <PasswordInput
          label={t("password")}
          name="password"
          size="md"
          autoComplete="current-password"
          data-autofocus={isFixed ? true : undefined}
          visibilityToggleButtonProps={{ "aria-label": t("show") }}
          value={password}
          onChange={(event) => setPassword(event.currentTarget.value)}
          error={missing.password && t("errors:required")}
        />
        {way?.available === false && (
          <p className={classes.unavailable} role="status">
            {t("unavailable", { way: text(way.title) })}
          </p>
        )}
        <AttemptNote error={error} waitSecs={waitSecs} />
        <Button type="submit" size="md" loading={isPending} disabled={waitSecs > 0}>
          {t("submit")}
        </Button>
      </Stack>
    </form>
  );
}
