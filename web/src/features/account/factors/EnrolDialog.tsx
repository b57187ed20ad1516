// Sets two-step sign-in up: the password, the app, the recovery codes.

import { Button, Group, Modal, PasswordInput, Stack } from "@mantine/core";
import { useState, type FormEvent } from "react";
import { useTranslation } from "react-i18next";

import { session } from "../../../api/session";
import type { Enrolment } from "../../../api/types";
import { useFieldErrors } from "../../../components/fields";
import { ProblemNote } from "../../../components/ProblemNote";
import { useStore } from "../../../lib/store";
import { EnrolmentCard } from "../../factors/EnrolmentCard";
import { RecoveryCodes } from "../../factors/RecoveryCodes";
import { CodeForm } from "./CodeForm";
import { useBeginTotp, useConfirmTotp } from "./queries";

export function EnrolDialog({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation(["account", "factors", "common"]);
  const account = useStore(session)?.user.name ?? "";
  const [enrolment, setEnrolment] = useState<Enrolment | null>(null);
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
      {!enrolment && <PasswordForm onDone={setEnrolment} />}
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

function PasswordForm({ onDone }: { onDone: (enrolment: Enrolment) => void }) {
  const { t } = useTranslation(["account", "signin", "errors"]);
  const account = useStore(session)?.user.name ?? "";
  const [password, setPassword] = useState("");
  const [isMissing, setMissing] = useState(false);
  const begin = useBeginTotp();
  const told = useFieldErrors(begin.error)("password");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setMissing(password === "");
    if (password !== "") begin.mutate(password, { onSuccess: onDone });
  };
  return (
    <form onSubmit={submit} noValidate>
      <Stack gap="md">
        <p className="muted">{t("two_step.password_why")}</p>
        <input type="text" autoComplete="username" value={account} readOnly hidden />
        <PasswordInput
          label={t("password.current")}
          autoComplete="current-password"
          data-autofocus
          visibilityToggleButtonProps={{ "aria-label": t("signin:show") }}
          value={password}
          onChange={(event) => setPassword(event.currentTarget.value)}
          error={isMissing && password === "" ? t("errors:required") : told}
        />
        {!told && <ProblemNote error={begin.error} />}
        <Group justify="flex-end">
          <Button type="submit" loading={begin.isPending}>
            {t("two_step.go_on")}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
