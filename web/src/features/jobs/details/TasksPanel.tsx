// The tasks of an array, each with its state, node and times; one is chosen to see its output.

import { Button, SegmentedControl } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import type { Job, JobTask } from "../../../api/types";
import { ConfirmDialog } from "../../../components/ConfirmDialog";
import { Moment } from "../../../components/Moment";
import { ProblemNote } from "../../../components/ProblemNote";
import { JobPhase } from "../JobPhase";
import { ArrayCount } from "../list/ArrayCount";
import { jobTasksQuery, useCancelTask, type TaskState } from "../queries";
import classes from "./TasksPanel.module.css";

const STATES: readonly TaskState[] = ["all", "active", "failed", "succeeded"];
const COLUMNS = ["task", "state", "node", "started", "ended"] as const;

interface Props {
  job: Job;
  chosen: number | undefined;
  onChoose: (index: number) => void;
}

export function TasksPanel({ job, chosen, onChoose }: Props) {
  const { t } = useTranslation("jobs");
  const [state, setState] = useState<TaskState>("all");
  const [cancelling, setCancelling] = useState<number | null>(null);
  const { data, error, hasNextPage, isFetchingNextPage, fetchNextPage, refetch } = useInfiniteQuery(jobTasksQuery(job.id, state));
  const tasks = data?.pages.flatMap(({ items }) => items) ?? [];
  return (
    <section aria-labelledby="job-tasks">
      <h2 id="job-tasks">{t("tasks.title")}</h2>
      {job.array && (
        <p className="muted">
          <ArrayCount array={job.array} />
        </p>
      )}
      <SegmentedControl
        size="xs"
        aria-label={t("tasks.filter")}
        value={state}
        onChange={(value) => setState(value as TaskState)}
        data={STATES.map((value) => ({ value, label: t(`tasks.${value}` as "tasks.all") }))}
      />
      <ProblemNote error={error} onRetry={() => void refetch()} />
      {data && tasks.length === 0 && <p className="muted">{t("tasks.none")}</p>}
      {tasks.length > 0 && (
        <table className={classes.table} aria-labelledby="job-tasks">
          <thead>
            <tr>
              {COLUMNS.map((column) => (
                <th key={column} scope="col">
                  {t(`tasks.column.${column}`)}
                </th>
              ))}
              <th scope="col">
                <span className="visually-hidden">{t("column.actions")}</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {tasks.map((task) => (
              <TaskRow key={task.index} task={task} isChosen={task.index === chosen} onChoose={onChoose} onCancel={setCancelling} />
            ))}
          </tbody>
        </table>
      )}
      {hasNextPage && (
        <Button mt="xs" size="xs" variant="default" loading={isFetchingNextPage} onClick={() => void fetchNextPage()}>
          {t("tasks.more")}
        </Button>
      )}
      {cancelling !== null && <CancelTask job={job} index={cancelling} onClose={() => setCancelling(null)} />}
    </section>
  );
}

interface RowProps {
  task: JobTask;
  isChosen: boolean;
  onChoose: (index: number) => void;
  onCancel: (index: number) => void;
}

function TaskRow({ task, isChosen, onChoose, onCancel }: RowProps) {
  const { t } = useTranslation("jobs");
  const name = t("array.task", { index: task.index });
  return (
    <tr data-chosen={isChosen || undefined}>
      <th scope="row">
        <Button variant="subtle" size="compact-sm" aria-pressed={isChosen} onClick={() => onChoose(task.index)}>
          {name}
        </Button>
      </th>
      <td>
        <JobPhase job={task} />
      </td>
      <td className={classes.node}>{task.node}</td>
      <td className={classes.when}>{task.started_at && <Moment at={task.started_at} />}</td>
      <td className={classes.when}>{task.ended_at && <Moment at={task.ended_at} />}</td>
      <td>
        {task.phase !== "ended" && (
          <Button color="red" variant="subtle" size="compact-sm" aria-label={t("cancel.label", { name })} onClick={() => onCancel(task.index)}>
            {t("tasks.cancel")}
          </Button>
        )}
      </td>
    </tr>
  );
}

function CancelTask({ job, index, onClose }: { job: Job; index: number; onClose: () => void }) {
  const { t } = useTranslation("jobs");
  const cancel = useCancelTask(job.id);
  return (
    <ConfirmDialog
      opened
      title={t("tasks.cancel_title", { index })}
      confirm={t("tasks.cancel_confirm")}
      busy={cancel.isPending}
      error={cancel.error}
      onConfirm={() => cancel.mutate(index, { onSuccess: onClose })}
      onClose={onClose}
    >
      {t("cancel.text")}
    </ConfirmDialog>
  );
}
