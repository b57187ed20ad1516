// One line about the batch jobs.

import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import { PhaseMark } from "../../components/PhaseMark";
import { useLanguage } from "../../i18n/useLanguage";
import { formatNumber } from "../../lib/format";
import { Icon } from "../../ui/icons";
import type { JobsNow } from "./queries";
import { useJobsNow } from "./useJobsNow";
import classes from "./JobsNowLine.module.css";

export function JobsNowLine() {
  const { t } = useTranslation("dashboard");
  const jobs = useJobsNow();
  return (
    <section className={classes.line} aria-labelledby="jobs-now">
      <h2 id="jobs-now">{t("jobs_now.title")}</h2>
      <p className={classes.counts}>{jobs && <Counts jobs={jobs} />}</p>
      <Link to="/jobs" className={classes.all}>
        {t("jobs_now.all")} <Icon name="arrow" size={16} />
      </Link>
    </section>
  );
}

function Counts({ jobs }: { jobs: JobsNow }) {
  const { t } = useTranslation("dashboard");
  const language = useLanguage();
  if (jobs.running + jobs.waiting + jobs.failed === 0) return <span className="muted">{t("jobs_now.none")}</span>;
  const shown = (count: number) => ({ count, shown: formatNumber(count, language) });
  return (
    <>
      <PhaseMark tone={jobs.running > 0 ? "ready" : "idle"} shape="dot">
        {t("jobs_now.running", shown(jobs.running))}
      </PhaseMark>
      <PhaseMark tone="idle" shape="ring">
        {t("jobs_now.waiting", shown(jobs.waiting))}
      </PhaseMark>
      {jobs.failed > 0 && (
        <PhaseMark tone="fail" shape="triangle">
          {t(jobs.isFailedCut ? "jobs_now.failed_or_more" : "jobs_now.failed", shown(jobs.failed))}
        </PhaseMark>
      )}
    </>
  );
}
