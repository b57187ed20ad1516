// The states of what a person runs, and nothing of what is in it.

import { Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { Moment } from "../../../components/Moment";
import { ProblemNote } from "../../../components/ProblemNote";
import { Section } from "../../account/Section";
import section from "../../account/Section.module.css";
import { AppPhase } from "../../apps/AppPhase";
import { JobPhase } from "../../jobs/JobPhase";
import { activityQuery } from "./queries";

export function ActivityPanel({ id }: { id: string }) {
  const { t } = useTranslation("operate");
  const { data, error, refetch } = useQuery(activityQuery(id));
  return (
    <Section title={t("activity.title")} hint={t("activity.hint")}>
      <ProblemNote error={error} onRetry={() => void refetch()} />
      {!data && !error && <Skeleton height={120} />}
      {data && (
        <>
          <h3>{t("activity.apps")}</h3>
          {data.apps.length === 0 && <p className="muted">{t("activity.no_apps")}</p>}
          <ul className={section.rows}>
            {data.apps.map((app) => (
              <Row key={app.id} name={app.name} what={app.template} since={app.since} state={<AppPhase app={app} />} />
            ))}
          </ul>
          <h3>{t("activity.jobs")}</h3>
          {data.jobs.length === 0 && <p className="muted">{t("activity.no_jobs")}</p>}
          <ul className={section.rows}>
            {data.jobs.map((job) => (
              <Row key={job.id} name={job.name} what={`${job.system} · ${job.queue}`} since={job.since} state={<JobPhase job={job} />} />
            ))}
          </ul>
        </>
      )}
    </Section>
  );
}

function Row({ name, what, since, state }: { name: string; what: string; since: string; state: ReactNode }) {
  return (
    <li className={section.row}>
      <div className={section.what}>
        <strong>{name}</strong>
        <p className="muted small">
          {what} · <Moment at={since} />
        </p>
      </div>
      {state}
    </li>
  );
}
