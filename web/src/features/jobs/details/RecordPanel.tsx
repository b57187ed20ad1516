// What the scheduler itself has on record of the job, for who knows to read it; asked for when it is opened.

import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { isNotFound } from "../../../api/problem";
import type { Job } from "../../../api/types";
import { CopyButton } from "../../../components/CopyButton";
import { ProblemNote } from "../../../components/ProblemNote";
import { jobRecordQuery, systemsQuery } from "../queries";
import classes from "./JobPage.module.css";

export function RecordPanel({ job }: { job: Job }) {
  const { t } = useTranslation("jobs");
  const [isOpen, setOpen] = useState(false);
  const system = useQuery(systemsQuery).data?.find(({ id }) => id === job.system);
  const { data, error, isFetching, refetch } = useQuery({ ...jobRecordQuery(job.id), enabled: isOpen });
  if (!system?.capabilities.record || job.scheduler_id == null) return null;
  const toggle = () => {
    // What is shown is of this moment.
    if (!isOpen && data !== undefined) void refetch();
    setOpen(!isOpen);
  };
  return (
    <section aria-labelledby="job-record">
      <div className={classes.heading}>
        <h2 id="job-record">{t("record.title")}</h2>
        <Button variant="default" size="compact-sm" aria-expanded={isOpen} loading={isOpen && isFetching} onClick={toggle}>
          {t(isOpen ? "record.hide" : "record.show")}
        </Button>
        {isOpen && data && <CopyButton text={data} />}
      </div>
      {isOpen && isNotFound(error) && <p className="muted">{t("record.gone")}</p>}
      {isOpen && !isNotFound(error) && <ProblemNote error={error} onRetry={() => void refetch()} />}
      {isOpen && data && (
        // Focusable, so that the keyboard scrolls it (WCAG 2.1.1).
        // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex
        <pre className={classes.script} tabIndex={0} aria-labelledby="job-record">
          {data}
        </pre>
      )}
    </section>
  );
}
