// The table of jobs, made for hundreds of rows: j/k walk, x selects, c cancels, Enter opens.

import { Checkbox } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { useRef, useState, type KeyboardEvent } from "react";
import { useTranslation } from "react-i18next";

import type { Job } from "../../../api/types";
import { can } from "../job";
import { CancelDialog } from "./CancelDialog";
import { ChosenBar } from "./ChosenBar";
import { JobRow } from "./JobRow";
import classes from "./JobTable.module.css";

const COLUMNS = ["state", "name", "queue", "size", "time", "submitted"] as const;

interface Props {
  jobs: readonly Job[];
  /** Whether these are all; without it, none is no answer yet. */
  isWhole: boolean;
}

export function JobTable({ jobs, isWhole }: Props) {
  const { t } = useTranslation("jobs");
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [cancelling, setCancelling] = useState<readonly Job[]>([]);
  const body = useRef<HTMLTableSectionElement>(null);
  const chosenJobs = jobs.filter((job) => chosen.has(job.id));
  const toggle = (id: string) => setChosen((old) => (old.has(id) ? new Set([...old].filter((one) => one !== id)) : new Set([...old, id])));
  const toggleAll = () => setChosen(chosenJobs.length === jobs.length ? new Set() : new Set(jobs.map((job) => job.id)));
  const onKeyDown = useTableKeys(jobs, body, toggle, (job) => setCancelling(chosenJobs.length > 0 ? chosenJobs : [job]));

  return (
    <div className={classes.frame}>
      <ChosenBar jobs={chosenJobs} onCancel={() => setCancelling(chosenJobs)} onClear={() => setChosen(new Set())} />
      <table className={classes.table} aria-label={t("title")}>
        <thead>
          <tr>
            <th scope="col" className={classes.check}>
              <Checkbox
                size="xs"
                aria-label={t("list.choose_all")}
                checked={jobs.length > 0 && chosenJobs.length === jobs.length}
                indeterminate={chosenJobs.length > 0 && chosenJobs.length < jobs.length}
                onChange={toggleAll}
              />
            </th>
            {COLUMNS.map((column) => (
              <th key={column} scope="col" className={classes[column]}>
                {t(`column.${column}`)}
              </th>
            ))}
            <th scope="col" className={classes.actions}>
              <span className="visually-hidden">{t("column.actions")}</span>
            </th>
          </tr>
        </thead>
        {/* The keys go to the links in the rows; the body only hears them. */}
        {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-element-interactions */}
        <tbody ref={body} onKeyDown={onKeyDown}>
          {jobs.map((job) => (
            <JobRow key={job.id} job={job} isChosen={chosen.has(job.id)} onChoose={() => toggle(job.id)} onCancel={() => setCancelling([job])} />
          ))}
        </tbody>
      </table>
      {jobs.length === 0 && isWhole && <p className={classes.none}>{t("list.none")}</p>}
      <p className={classes.keys}>{t("list.keys")}</p>
      {cancelling.length > 0 && <CancelDialog jobs={cancelling.filter(can.cancel)} onClose={() => setCancelling([])} />}
    </div>
  );
}

/** Keys while a row has the focus; the row's link holds it. */
function useTableKeys(
  jobs: readonly Job[],
  body: React.RefObject<HTMLTableSectionElement | null>,
  toggle: (id: string) => void,
  cancel: (job: Job) => void,
) {
  const navigate = useNavigate();
  return (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.nativeEvent.isComposing) return;
    const rows = Array.from(body.current?.rows ?? []);
    const index = rows.findIndex((row) => row.contains(event.target as Node));
    const job = jobs[index];
    const focus = (next: number) => rows[next]?.querySelector<HTMLElement>("a")?.focus();
    if (!job) return;
    if (event.key === "j" || event.key === "ArrowDown") focus(index + 1);
    else if (event.key === "k" || event.key === "ArrowUp") focus(index - 1);
    else if (event.key === "x") toggle(job.id);
    else if (event.key === "c" && can.cancel(job)) cancel(job);
    else if (event.key === "o") void navigate({ to: "/jobs/$id", params: { id: job.id } });
    else return;
    event.preventDefault();
  };
}
