// What can be done with the job.

import { Button } from "@mantine/core";
import { Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import type { Job } from "../../../api/types";
import { ProblemNote } from "../../../components/ProblemNote";
import { Icon } from "../../../ui/icons";
import { can } from "../job";
import { CancelDialog } from "../list/CancelDialog";
import { useJobAction } from "../queries";

export function JobActions({ job }: { job: Job }) {
  const { t } = useTranslation("jobs");
  const navigate = useNavigate();
  const [isAsking, setAsking] = useState(false);
  const hold = useJobAction("hold");
  const release = useJobAction("release");
  const again = useJobAction("resubmit");
  const repeat = () => again.mutate(job.id, { onSuccess: (next) => void navigate({ to: "/jobs/$id", params: { id: next.id } }) });
  return (
    <>
      <ProblemNote error={hold.error ?? release.error ?? again.error} />
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
      {can.cancel(job) && (
        <Button color="red" variant="outline" onClick={() => setAsking(true)}>
          {t("cancel.action")}
        </Button>
      )}
      {isAsking && <CancelDialog jobs={[job]} onClose={() => setAsking(false)} />}
    </>
  );
}
