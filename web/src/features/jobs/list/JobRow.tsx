// One job in the table.

import { ActionIcon, Checkbox } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { memo, type Ref } from "react";
import { useTranslation } from "react-i18next";

import type { Job } from "../../../api/types";
import { Moment } from "../../../components/Moment";
import { useLanguage } from "../../../i18n/useLanguage";
import { formatNumber } from "../../../lib/format";
import { problemText } from "../../../lib/problemText";
import { Icon } from "../../../ui/icons";
import { can, coresOf } from "../job";
import { JobPhase } from "../JobPhase";
import { ArrayRow } from "./ArrayRow";
import { TimeBar } from "./TimeBar";
import classes from "./JobTable.module.css";

interface Props {
  ref: Ref<HTMLTableRowElement>;
  /** Among all rows, also those that are not on the page. */
  index: number;
  job: Job;
  isChosen: boolean;
  onChoose: (id: string) => void;
  onCancel: (job: Job) => void;
}

/** Not made anew while the page scrolls, as long as its callbacks stay the same. */
export const JobRow = memo(function JobRow({ ref, index, job, isChosen, onChoose, onCancel }: Props) {
  const { t, i18n } = useTranslation("jobs");
  const language = useLanguage();
  return (
    <tr ref={ref} data-index={index} aria-rowindex={index + 2} data-chosen={isChosen || undefined}>
      <td className={classes.check}>
        <Checkbox size="xs" aria-label={t("list.choose", { name: job.name })} checked={isChosen} onChange={() => onChoose(job.id)} />
      </td>
      <td className={classes.state}>
        <JobPhase job={job} />
      </td>
      <td className={classes.name}>
        <Link to="/jobs/$id" params={{ id: job.id }}>
          {job.name}
        </Link>
        {job.reason && <span className={classes.reason}>{problemText(job.reason, i18n)}</span>}
        {job.elsewhere && <span className={classes.reason}>{t("elsewhere.row")}</span>}
        {job.array && <ArrayRow job={job} array={job.array} />}
      </td>
      <td className={classes.queue}>{job.queue}</td>
      <td className={classes.size}>{t("cores", { count: coresOf(job), shown: formatNumber(coresOf(job), language) })}</td>
      <td className={classes.time}>
        <TimeBar job={job} />
      </td>
      <td className={classes.submitted}>
        <Moment at={job.submitted_at} />
      </td>
      <td className={classes.actions}>
        {can.cancel(job) && (
          <ActionIcon aria-label={t("cancel.label", { name: job.name })} onClick={() => onCancel(job)}>
            <Icon name="cross" />
          </ActionIcon>
        )}
      </td>
    </tr>
  );
});
