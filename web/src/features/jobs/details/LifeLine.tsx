// Submitted, started, ended: a line of the job's life.

import { useTranslation } from "react-i18next";

import type { Job } from "../../../api/types";
import { Moment } from "../../../components/Moment";
import { useLanguage } from "../../../i18n/useLanguage";
import { formatDateMinute } from "../../../lib/format";
import { TimeBar } from "../list/TimeBar";
import classes from "./JobPage.module.css";

/** The scheduler's guess, where it has one: others may still come in between. */
function NotYet({ expectedAt }: { expectedAt: string | null | undefined }) {
  const { t } = useTranslation("jobs");
  const language = useLanguage();
  return expectedAt ? t("life.expected", { at: formatDateMinute(expectedAt, language) }) : t("life.not_yet");
}

export function LifeLine({ job }: { job: Job }) {
  const { t } = useTranslation("jobs");
  const steps = [
    { key: "submitted", at: job.submitted_at },
    { key: "started", at: job.started_at },
    { key: "ended", at: job.ended_at },
  ] as const;
  return (
    <section aria-labelledby="job-life">
      <h2 id="job-life">{t("life.title")}</h2>
      <ol className={classes.line}>
        {steps.map(({ key, at }) => (
          <li key={key} data-done={at !== null && at !== undefined ? true : undefined}>
            <div>
              <div>{t(`life.${key}`)}</div>
              <div className="muted small">{at ? <Moment at={at} /> : <NotYet expectedAt={key === "started" ? job.expected_start_at : null} />}</div>
            </div>
          </li>
        ))}
      </ol>
      <TimeBar job={job} />
    </section>
  );
}
