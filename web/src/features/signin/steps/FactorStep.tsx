// The second step: a code of the app, a recovery code, or a passkey.

import { Button, Stack, TextInput } from "@mantine/core";
import { useState, type FormEvent } from "react";
import { useTranslation } from "react-i18next";

import { localProblem } from "../../../api/problem";
import type { Factor, Session } from "../../../api/types";
import { useFieldErrors } from "../../../components/fields";
import { CodeField } from "../../factors/CodeField";
import { CODE_DIGITS } from "../../factors/code";
import { hasPasskeys, signWithPasskey } from "../../factors/webauthn";
import { AttemptNote } from "../AttemptNote";
import { askPasskey, sendCode, sendPasskey, sendRecoveryCode } from "../calls";
import type { Stage } from "../stage";
import { useAttempt } from "../useAttempt";
import classes from "../SignInPage.module.css";

interface Props {
  stage: Stage & { at: "factor" };
  onWay: (way: Factor) => void;
  onDone: (session: Session) => void;
  onError: (error: Error) => void;
  onLeave: () => void;
}

type StepProps = Pick<Props, "onDone" | "onError">;

export function FactorStep({ stage, onWay, onDone, onError, onLeave }: Props) {
  const { t } = useTranslation("signin");
  const others = stage.step.factors.filter((way) => way !== stage.way);
  const Form = FORMS[stage.way];
  return (
    <Stack gap="md">
      <Form onDone={onDone} onError={onError} />
      <Stack gap={4} align="flex-start" className={classes.others!}>
        {others.map((way) => (
          <Button key={way} variant="subtle" size="compact-sm" onClick={() => onWay(way)}>
            {t(`instead.${way}`)}
          </Button>
        ))}
        <Button variant="subtle" color="gray" size="compact-sm" onClick={onLeave}>
          {t("from_start")}
        </Button>
      </Stack>
    </Stack>
  );
}

const FORMS: Record<Factor, (props: StepProps) => React.ReactNode> = {
  totp: TotpForm,
  recovery_code: RecoveryForm,
  passkey: PasskeyForm,
};

function TotpForm({ onDone, onError }: StepProps) {
  const { t } = useTranslation("signin");
  const [code, setCode] = useState("");
  const attempt = useAttempt(sendCode, { onDone, onError });
  const told = useFieldErrors(attempt.error);
  const send = (whole: string) => !attempt.isPending && attempt.waitSecs === 0 && attempt.mutate(whole);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (code.length === CODE_DIGITS) send(code);
  };
  return (
    <form onSubmit={submit} noValidate>
      <Stack gap="md">
        <CodeField value={code} onChange={setCode} onWhole={send} error={told("code")} autoFocus />
        {!told("code") && <AttemptNote error={attempt.error} waitSecs={attempt.waitSecs} />}
        <Button type="submit" size="md" loading={attempt.isPending} disabled={attempt.waitSecs > 0}>
          {t("submit")}
        </Button>
      </Stack>
    </form>
  );
}

function RecoveryForm({ onDone, onError }: StepProps) {
  const { t } = useTranslation(["signin", "factors", "errors"]);
  const [code, setCode] = useState("");
  const [isMissing, setMissing] = useState(false);
  const attempt = useAttempt(sendRecoveryCode, { onDone, onError });
  const told = useFieldErrors(attempt.error);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setMissing(code.trim() === "");
    if (code.trim() !== "" && attempt.waitSecs === 0) attempt.mutate(code.trim());
  };
  return (
    <form onSubmit={submit} noValidate>
      <Stack gap="md">
        <TextInput
          label={t("factors:recovery_code")}
          description={t("factors:recovery_hint")}
          size="md"
          autoComplete="off"
          autoCapitalize="none"
          spellCheck={false}
          // oxlint-disable-next-line jsx-a11y/no-autofocus
          autoFocus
          value={code}
          onChange={(event) => setCode(event.currentTarget.value)}
          error={isMissing ? t("errors:required") : told("code")}
          styles={{ input: { fontFamily: "var(--font-mono)" } }}
        />
        {!told("code") && <AttemptNote error={attempt.error} waitSecs={attempt.waitSecs} />}
        <Button type="submit" size="md" loading={attempt.isPending} disabled={attempt.waitSecs > 0}>
          {t("submit")}
        </Button>
      </Stack>
    </form>
  );
}

function PasskeyForm({ onDone, onError }: StepProps) {
  const { t } = useTranslation(["signin", "factors"]);
  const attempt = useAttempt(signInByPasskey, { onDone, onError });
  if (!hasPasskeys()) return <p>{t("factors:passkey.unsupported")}</p>;
  return (
    <Stack gap="md">
      <p className="muted">{t("passkey_text")}</p>
      <AttemptNote error={attempt.error} waitSecs={attempt.waitSecs} />
      {/* oxlint-disable-next-line jsx-a11y/no-autofocus */}
      <Button size="md" autoFocus loading={attempt.isPending} disabled={attempt.waitSecs > 0} onClick={() => attempt.mutate()}>
        {t("use_passkey")}
      </Button>
    </Stack>
  );
}

async function signInByPasskey(): Promise<Session> {
  const credential = await signWithPasskey(await askPasskey());
  if (!credential) throw localProblem("passkey_not_used", "no passkey was used");
  return sendPasskey(credential);
}
