// What the job used, beside what it asked for, and a sentence where less would have done.

import { useTranslation } from "react-i18next";

import type { Job } from "../../../api/types";
import { useLanguage } from "../../../i18n/useLanguage";
import { formatBytes, formatNumber, formatSpan } from "../../../lib/format";
import { sharesOf } from "./usage";
import classes from "./JobPage.module.css";

export function JobUsage({ job }: { job: Job }) {
  const { t } = useTranslation("jobs");
  const language = useLanguage();
  const shares = sharesOf(job);
  if (!shares || !job.usage) return null;
  const { cpu_secs: cpuSecs, max_memory_bytes: memoryBytes, walltime_secs: walltimeSecs } = job.usage;
  const percent = (share: number) => formatNumber(share * 100, language, 0);
  const facts = [
    walltimeSecs != null && { name: t("form.walltime"), value: formatSpan(walltimeSecs, language), share: shares.time },
    cpuSecs != null && { name: t("usage.cpu_time"), value: formatSpan(cpuSecs, language), share: shares.cpu },
    memoryBytes != null && { name: t("form.memory"), value: formatBytes(memoryBytes, language), share: shares.memory },
  ].filter((fact) => fact !== false);
  return (
    <section aria-labelledby="job-usage">
      <h2 id="job-usage">{t("usage.title")}</h2>
      <dl className={classes.facts}>
        {facts.map(({ name, value, share }) => (
          <div key={name} style={{ display: "contents" }}>
            <dt>{name}</dt>
            <dd>{share === null ? value : t("usage.of", { value, percent: percent(share) })}</dd>
          </div>
        ))}
      </dl>
      {shares.advice.map((advice) => (
        <p key={advice} className="muted small">
          {t(`usage.advice.${advice}`, { percent: percent((advice === "cores" ? shares.cpu : advice === "memory" ? shares.memory : shares.time) ?? 0) })}
        </p>
      ))}
    </section>
  );
}
