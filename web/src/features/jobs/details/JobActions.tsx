// What can be done with the job.

import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import type { Job } from "../../../api/types";
import { ProblemNote } from "../../../components/ProblemNote";
import { Icon } from "../../../ui/icons";
import { can } from "../job";
import { CancelDialog } from "../list/CancelDialog";
import { systemsQuery, useJobAction } from "../queries";
import { RequeueDialog } from "./RequeueDialog";
import { WalltimeDialog } from "./WalltimeDialog";

export function JobActions({ job }: { job: Job }) {
  const { t } = useTranslation("jobs");
  const navigate = useNavigate();
  const [asking, setAsking] = useState<"cancel" | "requeue" | "walltime" | null>(null);
  const close = () => setAsking(null);
  const capabilities = useQuery(systemsQuery).data?.find(({ id }) => id === job.system)?.capabilities;
  const hold = useJobAction("hold");
  const release = useJobAction("release");
  const again = useJobAction("resubmit");
  const repeat = () => again.mutate(job.id, { onSuccess: (next) => void navigate({ to: "/jobs/$id", params: { id: next.id } }) });
  return (
    <>
      <ProblemNote error={hold.error ?? release.error ?? again.error} />
      {!job.elsewhere && (
        <>
          <Button variant="default" leftSection={<Icon name="restart" />} loading={again.isPending} onClick={repeat}>
            {t("again.action")}
          </Button>
          <Button
            variant="default"
            leftSection={<Icon name="edit" />}
            renderRoot={(props) => <Link to="/jobs/new" search={{ from: job.id }} {...props} />}
          >
            {t("again.changed")}
          </Button>
        </>
      )}
      {can.hold(job) && (
        <Button variant="default" loading={hold.isPending} onClick={() => hold.mutate(job.id)}>
          {t("hold.action")}
        </Button>
      )}
      {can.release(job) && (
        <Button loading={release.isPending} onClick={() => release.mutate(job.id)}>
          {t("release.action")}
        </Button>
      )}
      {capabilities?.shorten && can.setWalltime(job) && (
        <Button variant="default" onClick={() => setAsking("walltime")}>
          {t("walltime.action")}
        </Button>
      )}
      {capabilities?.requeue && can.requeue(job) && (
        <Button color="red" variant="outline" onClick={() => setAsking("requeue")}>
          {t("requeue.action")}
        </Button>
      )}
      {can.cancel(job) && (
        <Button color="red" variant="outline" onClick={() => setAsking("cancel")}>
          {t("cancel.action")}
        </Button>
      )}
      {asking === "cancel" && <CancelDialog jobs={[job]} onClose={close} />}
      {asking === "requeue" && <RequeueDialog job={job} onClose={close} />}
      {asking === "walltime" && <WalltimeDialog job={job} canLengthen={capabilities?.lengthen ?? false} onClose={close} />}
    </>
  );
}
