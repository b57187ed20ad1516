// Asks before files and folders are deleted for good.

import { useTranslation } from "react-i18next";

import type { Entry } from "../../../api/types";
import { ConfirmDialog } from "../../../components/ConfirmDialog";
import { isFolder } from "../sort";
import { useRemove } from "../queries";

const SHOWN = 5;

interface Props {
  entries: readonly Entry[];
  folder: string;
  onClose: () => void;
}

export function RemoveDialog({ entries, folder, onClose }: Props) {
  const { t } = useTranslation("files");
  const remove = useRemove(folder);
  const hasFolder = entries.some((entry) => entry.kind === "folder" && isFolder(entry));
  return (
    <ConfirmDialog
      opened
      title={t("remove.title", { count: entries.length, name: entries[0]?.name })}
      confirm={t("remove.submit")}
      busy={remove.isPending}
      error={remove.error}
      onConfirm={() => remove.mutate(entries.map((entry) => entry.path), { onSuccess: onClose })}
      onClose={onClose}
    >
      {entries.length > 1 && (
        <ul>
          {entries.slice(0, SHOWN).map((entry) => (
            <li key={entry.path}>{entry.name}</li>
          ))}
          {entries.length > SHOWN && <li>{t("remove.more", { count: entries.length - SHOWN })}</li>}
        </ul>
      )}
      <p>{t(hasFolder ? "remove.folder_warning" : "remove.warning")}</p>
    </ConfirmDialog>
  );
}
