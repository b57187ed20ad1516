// Asks before an app goes for good.

import { useTranslation } from "react-i18next";

import type { App } from "../../api/types";
import { ConfirmDialog } from "../../components/ConfirmDialog";
import { useDeleteApp } from "./actions";

interface Props {
  app: App;
  opened: boolean;
  onClose: () => void;
  onDeleted?: (() => void) | undefined;
}

export function DeleteAppDialog({ app, opened, onClose, onDeleted }: Props) {
  const { t } = useTranslation("apps");
  const onDone = () => {
    onClose();
    onDeleted?.();
  };
  // The app's page is gone with the app, and this dialog with it.
  const remove = useDeleteApp({ onDone });
  return (
    <ConfirmDialog
      opened={opened}
      title={t("delete.title", { name: app.name })}
      confirm={t("delete.confirm")}
      busy={remove.isPending}
      error={remove.error}
      onConfirm={() => remove.mutate(app.id)}
      onClose={onClose}
    >
      {t("delete.text")}
    </ConfirmDialog>
  );
}
