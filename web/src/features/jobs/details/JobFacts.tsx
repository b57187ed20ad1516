// What the job asked for and where it lies.

import { Link } from "@tanstack/react-router";
import type { TFunction } from "i18next";
import { useTranslation } from "react-i18next";

import type { Job } from "../../../api/types";
import { useLanguage } from "../../../i18n/useLanguage";
import { formatBytes, formatNumber, formatSpan } from "../../../lib/format";
import { decodeName } from "../../../lib/paths";
import classes from "./JobPage.module.css";

type Facts = [string, React.ReactNode][];

/** Where it lies; a job from elsewhere does not say. */
function placesOf(job: Job, t: TFunction<"jobs">): Facts {
  return [
    [
      t("form.work_dir"),
      <Link key="folder" to="/files" search={{ path: job.work_dir }}>
        {decodeName(job.work_dir)}
      </Link>,
    ],
    [t("facts.stdout"), decodeName(job.stdout_path)],
    ...(job.stderr_path !== job.stdout_path ? ([[t("facts.stderr"), decodeName(job.stderr_path)]] as Facts) : []),
  ];
}

export function JobFacts({ job }: { job: Job }) {
  const { t } = useTranslation("jobs");
  const language = useLanguage();
  const { size } = job;
  const facts: Facts = [
    [t("facts.id"), job.scheduler_id ?? job.id],
    [t("facts.queue"), `${job.queue} · ${job.system}`],
    [t("form.nodes"), formatNumber(size.nodes, language)],
    [t("form.tasks_per_node"), formatNumber(size.tasks_per_node, language)],
    [t("form.cpus_per_task"), formatNumber(size.cpus_per_task, language)],
    ...(size.gpus_per_node > 0 ? ([[t("form.gpus_per_node"), formatNumber(size.gpus_per_node, language)]] as [string, string][]) : []),
    ...(size.memory_bytes != null ? ([[t("form.memory"), formatBytes(size.memory_bytes, language)]] as [string, string][]) : []),
    [t("form.walltime"), size.walltime_secs == null ? t("time.unlimited") : formatSpan(size.walltime_secs, language)],
    ...(job.elsewhere ? [] : placesOf(job, t)),
    ...(job.exit_code != null ? ([[t("facts.exit_code"), formatNumber(job.exit_code, language)]] as [string, string][]) : []),
  ];
  return (
    <section aria-labelledby="job-facts">
      <h2 id="job-facts">{t("facts.title")}</h2>
      <dl className={classes.facts}>
        {facts.map(([name, value]) => (
          <div key={name} style={{ display: "contents" }}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
