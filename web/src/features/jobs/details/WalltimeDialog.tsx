// Gives a job another walltime.

import { Button, Group, Modal } from "@mantine/core";
import { useState, type FormEvent } from "react";
import { useTranslation } from "react-i18next";

import type { Job } from "../../../api/types";
import { useFieldErrors } from "../../../components/fields";
import { ProblemNote } from "../../../components/ProblemNote";
import { WalltimeField } from "../edit/WalltimeField";
import { useSetWalltime } from "../queries";

interface Props {
  job: Job;
  /** Whether the system lets a waiting job have more, too. */
  canLengthen: boolean;
  onClose: () => void;
}

export function WalltimeDialog({ job, canLengthen, onClose }: Props) {
  const { t } = useTranslation(["jobs", "common"]);
  const now = job.size.walltime_secs;
  const [seconds, setSeconds] = useState(now ?? 3600);
  const set = useSetWalltime(job.id);
  const refused = useFieldErrors(set.error);
  const isWaiting = job.phase === "queued" || job.phase === "held";
  const isOnlyShorter = !(canLengthen && isWaiting);
  const send = (event: FormEvent) => {
    event.preventDefault();
    if (!set.isPending) set.mutate(seconds, { onSuccess: onClose });
  };
  return (
    <Modal opened onClose={onClose} title={t("walltime.title", { name: job.name })} closeButtonProps={{ "aria-label": t("common:close") }}>
      <form onSubmit={send} noValidate>
        <p className="muted">{t(isOnlyShorter ? "walltime.only_shorter" : "walltime.text")}</p>
        <WalltimeField seconds={seconds} maxSecs={isOnlyShorter ? (now ?? undefined) : undefined} onSeconds={setSeconds} error={refused("walltime_secs")} />
        <ProblemNote error={set.error} />
        <Group justify="flex-end" mt="lg">
          <Button variant="default" onClick={onClose}>
            {t("common:cancel")}
          </Button>
          <Button type="submit" loading={set.isPending}>
            {t("walltime.confirm")}
          </Button>
        </Group>
      </form>
    </Modal>
  );
}
