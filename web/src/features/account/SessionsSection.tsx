// The browsers that are signed in, and the way out of each or of all.

import { Button, Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import type { SessionItem } from "../../api/types";
import { ConfirmDialog } from "../../components/ConfirmDialog";
import { Moment } from "../../components/Moment";
import { ProblemNote } from "../../components/ProblemNote";
import { leave } from "../signin/signOut";
import { browserName } from "./browserName";
import { sessionsQuery, useEndAllSessions, useEndSession } from "./queries";
import { Section } from "./Section";
import classes from "./Section.module.css";

export function SessionsSection() {
  const { t } = useTranslation("account");
  const { data, error, refetch } = useQuery(sessionsQuery);
  return (
    <Section title={t("sessions.title")} hint={t("sessions.hint")}>
      {error && !data && <ProblemNote error={error} onRetry={() => void refetch()} />}
      {!data && !error && <Skeleton height={56} />}
      {data && (
        <ul className={classes.rows}>
          {data.map((item) => (
            <SessionRow key={item.id} item={item} />
          ))}
        </ul>
      )}
      <EndAll />
    </Section>
  );
}

function SessionRow({ item }: { item: SessionItem }) {
  const { t } = useTranslation("account");
  const end = useEndSession();
  const { browser, system } = browserName(item.user_agent);
  const what = browser && system ? t("sessions.on", { browser, system }) : (browser ?? system ?? t("sessions.unknown"));
  return (
    <li className={classes.row}>
      <div className={classes.what}>
        <strong title={item.user_agent}>{what}</strong>
        {item.current && <span className={classes.here}>{t("sessions.current")}</span>}
        <p className="muted small">
          {item.address} · <Moment at={item.last_used_at} />
        </p>
        <ProblemNote error={end.error} />
      </div>
      <Button
        size="xs"
        variant="default"
        aria-label={t("sessions.end_label", { what })}
        loading={end.isPending}
        onClick={() => end.mutate(item.id, { onSuccess: (answer) => item.current && leave(answer?.continue_at) })}
      >
        {t("sessions.end")}
      </Button>
    </li>
  );
}

function EndAll() {
  const { t } = useTranslation("account");
  const [asking, setAsking] = useState(false);
  const end = useEndAllSessions();
  return (
    <div>
      <Button size="xs" variant="light" color="red" onClick={() => setAsking(true)}>
        {t("sessions.everywhere")}
      </Button>
      <ConfirmDialog
        opened={asking}
        title={t("sessions.everywhere_title")}
        confirm={t("sessions.everywhere")}
        busy={end.isPending}
        error={end.error}
        onConfirm={() => end.mutate(undefined, { onSuccess: (answer) => leave(answer?.continue_at) })}
        onClose={() => setAsking(false)}
      >
        {t("sessions.everywhere_text")}
      </ConfirmDialog>
    </div>
  );
}
