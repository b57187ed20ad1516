// What can be done with the selected jobs.

import { Button } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";

import type { Job } from "../../../api/types";
import { ProblemNote } from "../../../components/ProblemNote";
import { can } from "../job";
import { useJobAction, type JobAction } from "../queries";
import classes from "./JobTable.module.css";

interface Props {
  jobs: readonly Job[];
  onCancel: () => void;
  onClear: () => void;
}

/** Does one thing with each of several jobs, one after the other. */
function useEach(action: JobAction) {
  const { mutateAsync } = useJobAction(action);
  return useMutation({
    mutationFn: async (jobs: readonly Job[]) => {
      for (const job of jobs) await mutateAsync(job.id);
    },
  });
}

export function ChosenBar({ jobs, onCancel, onClear }: Props) {
  const { t } = useTranslation("jobs");
  const hold = useEach("hold");
  const release = useEach("release");
  if (jobs.length === 0) return null;
  const cancellable = jobs.filter(can.cancel).length;
  const waiting = jobs.filter(can.hold);
  const held = jobs.filter(can.release);
  return (
    <div className={classes.bar}>
      <span role="status">{t("list.chosen", { count: jobs.length })}</span>
      <Button size="xs" color="red" disabled={cancellable === 0} title={cancellable === 0 ? t("cancel.none") : undefined} onClick={onCancel}>
        {t("cancel.action_many", { count: cancellable })}
      </Button>
      {waiting.length > 0 && (
        <Button size="xs" variant="default" loading={hold.isPending} onClick={() => hold.mutate(waiting)}>
          {t("hold.action_many", { count: waiting.length })}
        </Button>
      )}
      {held.length > 0 && (
        <Button size="xs" variant="default" loading={release.isPending} onClick={() => release.mutate(held)}>
          {t("release.action_many", { count: held.length })}
        </Button>
      )}
      <ProblemNote error={hold.error ?? release.error} />
      <Button size="xs" variant="subtle" onClick={onClear}>
        {t("list.clear")}
      </Button>
    </div>
  );
}
