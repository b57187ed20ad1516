// Name and password: on its own page, and over a page whose session is over.

import { Button, PasswordInput, Stack, TextInput } from "@mantine/core";
import { useState, type FormEvent } from "react";
import { useTranslation } from "react-i18next";

import type { Session } from "../../api/types";
import { ProblemNote } from "../../components/ProblemNote";
import { useLanguage } from "../../i18n/useLanguage";
import { formatSpan } from "../../lib/format";
import { useSignIn } from "./useSignIn";

interface Props {
  /** The account that has to sign in; its name can't be changed then. */
  account?: string;
  onDone: (session: Session) => void;
}

export function SignInForm({ account, onDone }: Props) {
  const { t } = useTranslation(["signin", "errors"]);
  const language = useLanguage();
  const [name, setName] = useState(account ?? "");
  const [password, setPassword] = useState("");
  const [missing, setMissing] = useState({ name: false, password: false });
  const { mutate, isPending, error, waitSecs } = useSignIn(onDone);

  const submit = (event: FormEvent) => {
    event.preventDefault();
    const empty = { name: name.trim() === "", password: password === "" };
    setMissing(empty);
    if (!empty.name && !empty.password && !isPending && waitSecs === 0) mutate({ name: name.trim(), password });
  };

  return (
    <form onSubmit={submit} noValidate>
      <Stack gap="md">
        <TextInput
          label={t("name")}
          name="name"
          size="md"
          autoComplete="username"
          autoCapitalize="none"
          spellCheck={false}
          autoFocus={!account}
          readOnly={Boolean(account)}
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
          error={missing.name && t("errors:required")}
        />
        <PasswordInput
          label={t("password")}
          name="password"
          size="md"
          autoComplete="current-password"
          data-autofocus={account ? true : undefined}
          visibilityToggleButtonProps={{ "aria-label": t("show") }}
          value={password}
          onChange={(event) => setPassword(event.currentTarget.value)}
          error={missing.password && t("errors:required")}
        />
        {waitSecs > 0 ? <p role="status">{t("wait", { left: formatSpan(waitSecs, language) })}</p> : <ProblemNote error={error} />}
        <Button type="submit" size="md" loading={isPending} disabled={waitSecs > 0}>
          {t("submit")}
        </Button>
      </Stack>
    </form>
  );
}
