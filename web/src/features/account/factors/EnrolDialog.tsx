// Sets two-step sign-in up: the password, the app, the recovery codes.

import { Modal, Stack } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { session } from "../../../api/session";
import type { Enrolment } from "../../../api/types";
import { useStore } from "../../../lib/store";
import { EnrolmentCard } from "../../factors/EnrolmentCard";
import { RecoveryCodes } from "../../factors/RecoveryCodes";
import { CodeForm } from "./CodeForm";
import { PasswordForm } from "./PasswordForm";
import { useBeginTotp, useConfirmTotp } from "./queries";

export function EnrolDialog({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation(["account", "factors", "common"]);
  const account = useStore(session)?.user.name ?? "";
  const [enrolment, setEnrolment] = useState<Enrolment | null>(null);
  const begin = useBeginTotp();
  const confirm = useConfirmTotp();
  const codes = confirm.data?.recovery_codes;
  return (
    <Modal
      opened
      onClose={onClose}
      title={codes ? t("factors:codes.title") : t("two_step.set_up_title")}
      closeOnClickOutside={false}
      closeOnEscape={!codes}
      withCloseButton={!codes}
      closeButtonProps={{ "aria-label": t("common:close") }}
    >
      {!enrolment && (
        <PasswordForm
          submit={t("two_step.go_on")}
          busy={begin.isPending}
          error={begin.error}
          onPassword={(password) => begin.mutate(password, { onSuccess: setEnrolment })}
        />
      )}
      {enrolment && !codes && (
        <Stack gap="md">
          <p>{t("factors:enrol.scan")}</p>
          <EnrolmentCard enrolment={enrolment} />
          <CodeForm submit={t("factors:enrol.confirm")} busy={confirm.isPending} error={confirm.error} onCode={(code) => confirm.mutate(code)} />
        </Stack>
      )}
      {codes && <RecoveryCodes codes={codes} account={account} onKept={onClose} />}
    </Modal>
  );
}
