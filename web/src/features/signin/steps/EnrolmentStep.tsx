// The site wants a second step and the person has none yet: she sets it up before she goes on.

import { Button, Skeleton, Stack } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useState, type FormEvent } from "react";
import { useTranslation } from "react-i18next";

import type { Session } from "../../../api/types";
import { useFieldErrors } from "../../../components/fields";
import { ProblemNote } from "../../../components/ProblemNote";
import { CodeField } from "../../factors/CodeField";
import { CODE_DIGITS } from "../../factors/code";
import { EnrolmentCard } from "../../factors/EnrolmentCard";
import { AttemptNote } from "../AttemptNote";
import { beginEnrolment, confirmEnrolment } from "../calls";
import { useAttempt } from "../useAttempt";
import classes from "../SignInPage.module.css";

interface Props {
  onEnrolled: (session: Session, codes: readonly string[]) => void;
  onError: (error: Error) => void;
  onLeave: () => void;
}

export function EnrolmentStep({ onEnrolled, onError, onLeave }: Props) {
  const { t } = useTranslation(["signin", "factors"]);
  const begun = useQuery({
    queryKey: ["sign-in", "enrolment"],
    queryFn: beginEnrolment,
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
    refetchOnReconnect: false,
  });
  useEffect(() => {
    if (begun.error) onError(begun.error);
    // oxlint-disable-next-line react-hooks/exhaustive-deps
  }, [begun.error]);
  return (
    <Stack gap="md">
      <p className="muted">{t("enrolment_why")}</p>
      <p>{t("factors:enrol.scan")}</p>
      <ProblemNote error={begun.error} onRetry={() => void begun.refetch()} />
      {begun.isPending && <Skeleton height={176} />}
      {begun.data && <EnrolmentCard enrolment={begun.data} />}
      {begun.data && <ConfirmForm onEnrolled={onEnrolled} onError={onError} />}
      <div className={classes.others}>
        <Button variant="subtle" color="gray" size="compact-sm" onClick={onLeave}>
          {t("from_start")}
        </Button>
      </div>
    </Stack>
  );
}

function ConfirmForm({ onEnrolled, onError }: Pick<Props, "onEnrolled" | "onError">) {
  const { t } = useTranslation("factors");
  const [code, setCode] = useState("");
  const attempt = useAttempt(confirmEnrolment, { onDone: ({ session, recovery_codes }) => onEnrolled(session, recovery_codes), onError });
  const told = useFieldErrors(attempt.error);
  const send = (whole: string) => !attempt.isPending && attempt.waitSecs === 0 && attempt.mutate(whole);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (code.length === CODE_DIGITS) send(code);
  };
  return (
    <form onSubmit={submit} noValidate>
      <Stack gap="md">
        <CodeField value={code} onChange={setCode} onWhole={send} error={told("code")} />
        {!told("code") && <AttemptNote error={attempt.error} waitSecs={attempt.waitSecs} />}
        <Button type="submit" size="md" loading={attempt.isPending} disabled={attempt.waitSecs > 0}>
          {t("enrol.confirm")}
        </Button>
      </Stack>
    </form>
  );
}
