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
  const limit = job.size.walltime_secs;
  const asked = limit == null ? t("time.unlimited") : formatClock(limit);
  if (ran === null) return <span className="muted">{limit == null ? asked : t("time.asked", { asked })}</span>;
  if (limit == null) return <span>{t("time.used", { used: formatClock(ran), asked })}</span>;
  const percent = Math.min(100, (ran / limit) * 100);
  return (
    <span className={classes.time}>
      <span>{t("time.used", { used: formatClock(ran), asked })}</span>
      <span className={classes.bar} aria-hidden="true">
        <span style={{ inlineSize: `${percent}%` }} />
      </span>
    </span>
  );
}
