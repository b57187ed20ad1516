// What can be done with the selected jobs.

import { Button } from "@mantine/core";
import { useTranslation } from "react-i18next";

import type { Job } from "../../../api/types";
import { can } from "../job";
import classes from "./JobTable.module.css";

interface Props {
  jobs: readonly Job[];
  onCancel: () => void;
  onClear: () => void;
}

export function ChosenBar({ jobs, onCancel, onClear }: Props) {
  const { t } = useTranslation("jobs");
  if (jobs.length === 0) return null;
  const cancellable = jobs.filter(can.cancel).length;
  return (
    <div className={classes.bar}>
      <span role="status">{t("list.chosen", { count: jobs.length })}</span>
      <Button size="xs" color="red" disabled={cancellable === 0} title={cancellable === 0 ? t("cancel.none") : undefined} onClick={onCancel}>
        {t("cancel.action_many", { count: cancellable })}
      </Button>
      <Button size="xs" variant="subtle" onClick={onClear}>
        {t("list.clear")}
      </Button>
    </div>
  );
}
