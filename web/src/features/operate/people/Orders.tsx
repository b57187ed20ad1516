// What an operator can do to a person; each asks first and says what came of it.

import { Button, Textarea } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { session } from "../../../api/session";
import type { PersonProfile } from "../../../api/types";
import { ConfirmDialog } from "../../../components/ConfirmDialog";
import { useStore } from "../../../lib/store";
import { useOrder, type Order } from "./queries";

type Kind = Order["kind"];

const MOST_REASON = 200;

export function Orders({ person }: { person: PersonProfile }) {
  const { t } = useTranslation(["operate", "common"]);
  const isOwn = useStore(session)?.user.id === person.id;
  const [asking, setAsking] = useState<Kind | null>(null);
  const [reason, setReason] = useState("");
  const order = useOrder(person.id);
  const name = person.display_name || person.name;
  const hasFactor = person.factors.totp_since !== null || person.factors.passkeys > 0;

  const ask = (kind: Kind) => {
    order.reset();
    setAsking(kind);
  };
  const close = () => setAsking(null);
  const confirm = () => {
    if (!asking) return;
    const done = () => {
      notifications.show({ message: t(`order.${asking}.done`, { name }) });
      setReason("");
      close();
    };
    order.mutate(asking === "lock" ? { kind: "lock", reason: reason.trim() } : { kind: asking }, { onSuccess: done });
  };

  return (
    <>
      {person.sessions.length > 0 && (
        <Button variant="default" onClick={() => ask("end_sessions")}>
          {t("order.end_sessions.label")}
        </Button>
      )}
      {hasFactor && !isOwn && (
        <Button variant="default" onClick={() => ask("reset_factor")}>
          {t("order.reset_factor.label")}
        </Button>
      )}
      {person.locked_by_operator ? (
        <Button onClick={() => ask("unlock")}>{t("order.unlock.label")}</Button>
      ) : (
        !isOwn && (
          <Button variant="light" color="red" onClick={() => ask("lock")}>
            {t("order.lock.label")}
          </Button>
        )
      )}
      {asking && (
        <ConfirmDialog
          opened
          title={t(`order.${asking}.title`, { name })}
          confirm={t(`order.${asking}.label`)}
          busy={order.isPending}
          error={order.error}
          onConfirm={confirm}
          onClose={close}
        >
          <p>{t(`order.${asking}.text`)}</p>
          {asking === "lock" && (
            <Textarea
              mt="md"
              label={`${t("order.lock.reason")} (${t("common:optional")})`}
              description={t("order.lock.reason_help")}
              maxLength={MOST_REASON}
              autosize
              minRows={2}
              value={reason}
              onChange={(event) => setReason(event.currentTarget.value)}
            />
          )}
        </ConfirmDialog>
      )}
    </>
  );
}
