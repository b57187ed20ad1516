// The table of jobs, at home with ten thousand: j/k walk, x selects, c cancels, Enter opens.

import { Checkbox } from "@mantine/core";
import { Fragment, useCallback, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";

import type { Job } from "../../../api/types";
import { can } from "../job";
import { CancelDialog } from "./CancelDialog";
import { ChosenBar } from "./ChosenBar";
import { JobRow } from "./JobRow";
import { useRows } from "./useRows";
import { useTableKeys } from "./useTableKeys";
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
  const chosenJobs = useMemo(() => jobs.filter((job) => chosen.has(job.id)), [jobs, chosen]);
  const toggle = useCallback((id: string) => setChosen((old) => toggled(old, id)), []);
  const cancelOne = useCallback((job: Job) => setCancelling([job]), []);
  const toggleAll = () => setChosen(chosenJobs.length === jobs.length ? new Set() : new Set(jobs.map((job) => job.id)));
  const cancel = (job: Job) => setCancelling(chosenJobs.length > 0 ? chosenJobs : [job]);
  const onKeyDown = useTableKeys(jobs, { toggle, cancel });
  const { body, rows, top, focusHandlers } = useRows(jobs);
  const items = rows.getVirtualItems();

  return (
    <div className={classes.frame}>
      <ChosenBar jobs={chosenJobs} onCancel={() => setCancelling(chosenJobs)} onClear={() => setChosen(new Set())} />
      <table className={classes.table} aria-label={t("title")} aria-rowcount={isWhole ? jobs.length + 1 : -1}>
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
        <tbody ref={body} onKeyDown={onKeyDown} {...focusHandlers}>
          {items.map((item, place) => {
            const job = jobs[item.index]!;
            return (
              <Fragment key={job.id}>
                <Gap px={item.start - (items[place - 1]?.end ?? top)} />
                <JobRow
                  ref={rows.measureElement}
                  index={item.index}
                  job={job}
                  isChosen={chosen.has(job.id)}
                  onChoose={toggle}
                  onCancel={cancelOne}
                />
              </Fragment>
            );
          })}
          <Gap px={rows.getTotalSize() + top - (items.at(-1)?.end ?? top)} />
        </tbody>
      </table>
      {jobs.length === 0 && isWhole && <p className={classes.none}>{t("list.none")}</p>}
      <p className={classes.keys}>{t("list.keys")}</p>
      {cancelling.length > 0 && <CancelDialog jobs={cancelling.filter(can.cancel)} onClose={() => setCancelling([])} />}
    </div>
  );
}

/** Holds the place of rows that are out of sight. */
function Gap({ px }: { px: number }) {
  if (px <= 0) return null;
  return (
    <tr aria-hidden="true" className={classes.gap}>
      <td aria-hidden="true" style={{ blockSize: px }} />
    </tr>
  );
}

function toggled(chosen: ReadonlySet<string>, id: string): ReadonlySet<string> {
  const next = new Set(chosen);
  if (!next.delete(id)) next.add(id);
  return next;
}
