// Asks, a minute before the session ends, whether somebody is still there.

import { Button, Group, Modal } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";

import { signInAgain } from "../../api/session";
import type { Session } from "../../api/types";
import { ProblemNote } from "../../components/ProblemNote";
import { useNow } from "../../lib/useNow";
import { formatClock } from "../../lib/format";
import { signOut } from "../signin/signOut";
import { announcedSecs, idleAt, idleEnd, isAtLimit } from "./idle";
import classes from "./IdleDialog.module.css";

interface Props {
  session: Session;
  onExtend: () => Promise<unknown>;
}

export function IdleDialog({ session, onExtend }: Props) {
  const { t } = useTranslation();
  const idle = idleAt(idleEnd(session), useNow(500));
  const leftSecs = idle.kind === "ending" ? idle.leftSecs : 0;
  const atLimit = isAtLimit(session);
  const stay = useMutation({ mutationFn: () => (atLimit ? signInAgain().catch(() => undefined) : onExtend()) });
  const leave = useMutation({ mutationFn: signOut });
  return (
    <Modal
      opened
      onClose={() => stay.mutate()}
      title={t("idle.title")}
      closeOnClickOutside={false}
      withCloseButton={false}
      zIndex={390}
    >
      <p className="muted">{t(atLimit ? "idle.limit" : "idle.text")}</p>
      <p className={classes.clock} role="timer" aria-hidden="true">
        {formatClock(leftSecs)}
      </p>
      <p className="visually-hidden" role="alert">
        {t("idle.left", { count: announcedSecs(leftSecs) })}
      </p>
      <ProblemNote error={stay.error ?? leave.error} />
      <Group justify="flex-end" mt="md" gap="sm" className={classes.actions}>
        <Button variant="default" loading={leave.isPending} onClick={() => leave.mutate()}>
          {t("sign_out")}
        </Button>
        <Button data-autofocus loading={stay.isPending} onClick={() => stay.mutate()}>
          {t(atLimit ? "idle.again" : "idle.extend")}
        </Button>
      </Group>
    </Modal>
  );
}
