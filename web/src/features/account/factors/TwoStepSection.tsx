// Two-step sign-in: whether it is on, and what can be done about it.

import { Button, Group, Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import type { Factors } from "../../../api/types";
import { PhaseMark } from "../../../components/PhaseMark";
import { ProblemNote } from "../../../components/ProblemNote";
import { useLanguage } from "../../../i18n/useLanguage";
import { formatDate, formatNumber } from "../../../lib/format";
import { Section } from "../Section";
import classes from "../Section.module.css";
import { EnrolDialog } from "./EnrolDialog";
import { NewCodesDialog, RemoveTotpDialog } from "./CodeDialogs";
import { factorsQuery } from "./queries";

const FEW_CODES = 3;

export function TwoStepSection() {
  const { t } = useTranslation("account");
  const { data, error, refetch } = useQuery(factorsQuery);
  // Here and not where its button is, which goes as soon as it is on: the recovery codes are still to be read then.
  const [isSettingUp, setSettingUp] = useState(false);
  return (
    <Section title={t("two_step.title")} hint={t("two_step.hint")}>
      {error && !data && <ProblemNote error={error} onRetry={() => void refetch()} />}
      {!data && !error && <Skeleton height={72} />}
      {data &&
        (data.totp ? (
          <Enrolled factors={data} since={data.totp.enrolled_at} />
        ) : (
          <NotEnrolled required={data.required} onSetUp={() => setSettingUp(true)} />
        ))}
      {isSettingUp && <EnrolDialog onClose={() => setSettingUp(false)} />}
    </Section>
  );
}

function NotEnrolled({ required, onSetUp }: { required: boolean; onSetUp: () => void }) {
  const { t } = useTranslation("account");
  return (
    <>
      <PhaseMark tone="idle" shape="ring">
        {t("two_step.off")}
      </PhaseMark>
      {required && <p className="small">{t("two_step.required")}</p>}
      <div>
        <Button size="xs" variant="light" onClick={onSetUp}>
          {t("two_step.set_up")}
        </Button>
      </div>
    </>
  );
}

function Enrolled({ factors, since }: { factors: Factors; since: string }) {
  const { t } = useTranslation("account");
  const language = useLanguage();
  const [asking, setAsking] = useState<"codes" | "remove" | null>(null);
  const left = factors.recovery_codes_left;
  const isLastOfRequired = factors.required && factors.passkeys.length === 0;
  return (
    <>
      <div>
        <PhaseMark tone="ready" shape="dot">
          {t("two_step.on")}
        </PhaseMark>
        <p className="muted small">{t("two_step.since", { date: formatDate(since, language) })}</p>
      </div>
      <p className={left <= FEW_CODES ? classes.warning : "small"}>
        {t("two_step.codes_left", { count: left, shown: formatNumber(left, language) })}
      </p>
      <Group gap="xs">
        <Button size="xs" variant="default" onClick={() => setAsking("codes")}>
          {t("two_step.new_codes")}
        </Button>
        <Button size="xs" variant="light" color="red" disabled={isLastOfRequired} onClick={() => setAsking("remove")}>
          {t("two_step.remove")}
        </Button>
      </Group>
      {isLastOfRequired && <p className="muted small">{t("two_step.required_last")}</p>}
      {asking === "codes" && <NewCodesDialog onClose={() => setAsking(null)} />}
      {asking === "remove" && <RemoveTotpDialog onClose={() => setAsking(null)} />}
    </>
  );
}
