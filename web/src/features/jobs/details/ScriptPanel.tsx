// The script as it was submitted.

import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";

import type { Job } from "../../../api/types";
import { CopyButton } from "../../../components/CopyButton";
import { ProblemNote } from "../../../components/ProblemNote";
import { jobScriptQuery } from "../queries";
import classes from "./JobPage.module.css";

export function ScriptPanel({ job }: { job: Job }) {
  const { t } = useTranslation("jobs");
  const { data, error, refetch } = useQuery(jobScriptQuery(job.id));
  return (
    <section aria-labelledby="job-script">
      <div className={classes.heading}>
        <h2 id="job-script">{t("script.submitted")}</h2>
        {data && <CopyButton text={data} />}
      </div>
      <ProblemNote error={error} onRetry={() => void refetch()} />
      {/* Focusable, so that the keyboard scrolls it (WCAG 2.1.1). */}
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
      <pre className={classes.script} tabIndex={0} aria-labelledby="job-script">
        {data}
      </pre>
    </section>
  );
}
