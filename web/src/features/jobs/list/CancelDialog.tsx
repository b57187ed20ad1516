// Asks before jobs are cancelled.

import { useMutation } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";

import type { Job } from "../../../api/types";
import { ConfirmDialog } from "../../../components/ConfirmDialog";
import { useJobAction } from "../queries";

export function CancelDialog({ jobs, onClose }: { jobs: readonly Job[]; onClose: () => void }) {
  const { t } = useTranslation("jobs");
  const { mutateAsync } = useJobAction("cancel");
  const cancelAll = useMutation({
    mutationFn: async () => {
      for (const job of jobs) await mutateAsync(job.id);
    },
    onSuccess: onClose,
  });
  return (
    <ConfirmDialog
      opened
      title={t("cancel.title", { count: jobs.length, name: jobs[0]?.name })}
      confirm={t("cancel.confirm", { count: jobs.length })}
      busy={cancelAll.isPending}
      error={cancelAll.error}
      onConfirm={() => cancelAll.mutate()}
      onClose={onClose}
    >
      {t("cancel.text")}
    </ConfirmDialog>
  );
}
