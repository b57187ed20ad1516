// Shows a new token, the only time that anybody sees it.

import { Button, Group, Modal, TextInput } from "@mantine/core";
import { useTranslation } from "react-i18next";

import type { NewToken } from "../../api/types";
import { CopyButton } from "../../components/CopyButton";
import classes from "./Section.module.css";

export function NewTokenDialog({ made, onClose }: { made: NewToken | null; onClose: () => void }) {
  const { t } = useTranslation("account");
  return (
    <Modal opened={made !== null} onClose={onClose} title={t("tokens.once_title")} closeOnClickOutside={false} closeOnEscape={false} withCloseButton={false}>
      {made && (
        <div className={classes.token}>
          <p className="muted">{t("tokens.once_text", { name: made.name })}</p>
          <TextInput
            aria-label={t("tokens.value")}
            value={made.token}
            readOnly
            data-autofocus
            onFocus={(event) => event.currentTarget.select()}
            styles={{ input: { fontFamily: "var(--font-mono)" } }}
          />
          <Group justify="space-between">
            <CopyButton text={made.token} size="sm" />
            <Button onClick={onClose}>{t("tokens.stored")}</Button>
          </Group>
        </div>
      )}
    </Modal>
  );
}
