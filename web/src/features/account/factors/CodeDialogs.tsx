// What a code of the app opens: new recovery codes, and the way out of two-step sign-in.

import { Modal, Stack } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { session } from "../../../api/session";
import { useStore } from "../../../lib/store";
import { RecoveryCodes } from "../../factors/RecoveryCodes";
import { CodeForm } from "./CodeForm";
import { useNewRecoveryCodes, useRemoveTotp } from "./queries";

export function NewCodesDialog({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation(["account", "common"]);
  const account = useStore(session)?.user.name ?? "";
  const make = useNewRecoveryCodes();
  const codes = make.data?.recovery_codes;
  return (
    <Modal
      opened
      onClose={onClose}
      title={t("two_step.new_codes")}
      closeOnClickOutside={false}
      closeOnEscape={!codes}
      withCloseButton={!codes}
      closeButtonProps={{ "aria-label": t("common:close") }}
    >
      {codes ? (
        <RecoveryCodes codes={codes} account={account} onKept={onClose} />
      ) : (
        <Stack gap="md">
          <p className="muted">{t("two_step.new_codes_text")}</p>
          <CodeForm submit={t("two_step.new_codes_submit")} busy={make.isPending} error={make.error} onCode={(code) => make.mutate(code)} />
        </Stack>
      )}
    </Modal>
  );
}

export function RemoveTotpDialog({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation(["account", "common"]);
  const remove = useRemoveTotp();
  return (
    <Modal opened onClose={onClose} title={t("two_step.remove_title")} closeButtonProps={{ "aria-label": t("common:close") }}>
      <Stack gap="md">
        <p className="muted">{t("two_step.remove_text")}</p>
        <CodeForm
          danger
          submit={t("two_step.remove")}
          busy={remove.isPending}
          error={remove.error}
          onCode={(code) => remove.mutate(code, { onSuccess: onClose })}
        />
      </Stack>
    </Modal>
  );
}
