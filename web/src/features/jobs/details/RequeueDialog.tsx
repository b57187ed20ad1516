// Asks before a running job is stopped and begins anew.

import { useTranslation } from "react-i18next";

import type { Job } from "../../../api/types";
import { ConfirmDialog } from "../../../components/ConfirmDialog";
import { useJobAction } from "../queries";

export function RequeueDialog({ job, onClose }: { job: Job; onClose: () => void }) {
  const { t } = useTranslation("jobs");
  const requeue = useJobAction("requeue");
  return (
    <ConfirmDialog
      opened
      title={t("requeue.title", { name: job.name })}
      confirm={t("requeue.confirm")}
      busy={requeue.isPending}
      error={requeue.error}
      onConfirm={() => requeue.mutate(job.id, { onSuccess: onClose })}
      onClose={onClose}
    >
      {t("requeue.text")}
    </ConfirmDialog>
  );
}
