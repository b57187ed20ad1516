// An array in the table: one row, which opens to the tasks that run or went wrong.

import { Button } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useId, useState } from "react";
import { useTranslation } from "react-i18next";

import type { Job, JobArray } from "../../../api/types";
import { ProblemNote } from "../../../components/ProblemNote";
import { JobPhase } from "../JobPhase";
import { jobTasksQuery, type TaskState } from "../queries";
import { ArrayCount } from "./ArrayCount";
import classes from "./JobTable.module.css";

/** Tasks of one kind that a row shows; its page shows the others. */
const MOST = 10;

export function ArrayRow({ job, array }: { job: Job; array: JobArray }) {
  const { t } = useTranslation("jobs");
  const [isOpen, setOpen] = useState(false);
  const id = useId();
  return (
    <div className={classes.array}>
      <Button variant="subtle" size="compact-xs" aria-expanded={isOpen} aria-controls={id} onClick={() => setOpen(!isOpen)}>
        <ArrayCount array={array} />
      </Button>
      {isOpen && (
        <div id={id} className={classes.tasks}>
          {array.running > 0 && <Tasks job={job} state="active" />}
          {array.failed > 0 && <Tasks job={job} state="failed" />}
          <Link to="/jobs/$id" params={{ id: job.id }}>
            {t("array.all")}
          </Link>
        </div>
      )}
    </div>
  );
}

function Tasks({ job, state }: { job: Job; state: TaskState }) {
  const { t } = useTranslation("jobs");
  const { data, error } = useInfiniteQuery(jobTasksQuery(job.id, state));
  const tasks = data?.pages.flatMap(({ items }) => items).slice(0, MOST) ?? [];
  return (
    <>
      <ProblemNote error={error} />
      <ul aria-label={t(`array.list_${state}` as "array.list_active")}>
        {tasks.map((task) => (
          <li key={task.index}>
            <Link to="/jobs/$id" params={{ id: job.id }} search={{ task: task.index }}>
              {t("array.task", { index: task.index })}
            </Link>
            <JobPhase job={task} />
          </li>
        ))}
      </ul>
    </>
  );
}
