// Time used of the time asked for.

import { useTranslation } from "react-i18next";

import type { Job } from "../../../api/types";
import { formatClock } from "../../../lib/format";
import { useNow } from "../../../lib/useNow";
import { ranSecs } from "../job";
import classes from "./TimeBar.module.css";

export function TimeBar({ job }: { job: Job }) {
  const { t } = useTranslation("jobs");
  const now = useNow(job.phase === "running" ? 1_000 : 60_000);
  const ran = ranSecs(job, now);
  const asked = formatClock(job.size.walltime_secs);
  if (ran === null) return <span className="muted">{t("time.asked", { asked })}</span>;
  const percent = Math.min(100, (ran / job.size.walltime_secs) * 100);
  return (
    <span className={classes.time}>
      <span>{t("time.used", { used: formatClock(ran), asked })}</span>
      <span className={classes.bar} aria-hidden="true">
        <span style={{ inlineSize: `${percent}%` }} />
      </span>
    </span>
  );
}
