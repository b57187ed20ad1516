// The notices that there are, with a way to remove each.

import { Button } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import type { Notice } from "../../../api/types";
import { ConfirmDialog } from "../../../components/ConfirmDialog";
import { PhaseMark } from "../../../components/PhaseMark";
import { useLanguage, useText } from "../../../i18n/useLanguage";
import { formatDateMinute } from "../../../lib/format";
import { useNow } from "../../../lib/useNow";
import table from "../Table.module.css";
import { standingOf } from "./draft";
import { useRemoveNotice } from "./queries";

const CLOCK_MS = 15_000;
const SIGNS = {
  shown: { tone: "ready", shape: "dot" },
  to_come: { tone: "busy", shape: "half" },
  over: { tone: "idle", shape: "ring" },
} as const;

export function NoticeTable({ notices }: { notices: readonly Notice[] }) {
  const { t } = useTranslation("operate");
  const [asking, setAsking] = useState<Notice | null>(null);
  return (
    <div className={table.frame}>
      <table className={table.table} aria-label={t("notices.title")}>
        <thead>
          <tr>
            {(["what", "kind", "state", "from", "until"] as const).map((column) => (
              <th key={column} scope="col">
                {t(`notices.column.${column}`)}
              </th>
            ))}
            <th scope="col">
              <span className="visually-hidden">{t("notices.remove")}</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {notices.map((notice) => (
            <NoticeRow key={notice.id} notice={notice} onRemove={() => setAsking(notice)} />
          ))}
        </tbody>
      </table>
      {notices.length === 0 && <p className={table.none}>{t("notices.none")}</p>}
      {asking && <RemoveDialog notice={asking} onClose={() => setAsking(null)} />}
    </div>
  );
}

function NoticeRow({ notice, onRemove }: { notice: Notice; onRemove: () => void }) {
  const { t } = useTranslation(["operate", "common"]);
  const text = useText();
  const language = useLanguage();
  const standing = standingOf(notice, useNow(CLOCK_MS));
  const moment = (at: string | null | undefined) => (at ? formatDateMinute(at, language) : "–");
  return (
    <tr>
      <td className={table.main}>{text(notice.text)}</td>
      <td data-label={t("notices.column.kind")}>{t(`common:notice.kind.${notice.kind}`)}</td>
      <td data-label={t("notices.column.state")}>
        <PhaseMark {...SIGNS[standing]}>{t(`notices.standing.${standing}`)}</PhaseMark>
      </td>
      <td data-label={t("notices.column.from")}>{moment(notice.starts_at)}</td>
      <td data-label={t("notices.column.until")}>{moment(notice.ends_at)}</td>
      <td>
        <Button variant="subtle" color="red" size="compact-sm" aria-label={t("notices.remove_this", { text: text(notice.text) })} onClick={onRemove}>
          {t("notices.remove")}
        </Button>
      </td>
    </tr>
  );
}

function RemoveDialog({ notice, onClose }: { notice: Notice; onClose: () => void }) {
  const { t } = useTranslation("operate");
  const text = useText();
  const remove = useRemoveNotice();
  const done = () => {
    notifications.show({ message: t("notices.removed") });
    onClose();
  };
  return (
    <ConfirmDialog
      opened
      title={t("notices.remove_title")}
      confirm={t("notices.remove")}
      busy={remove.isPending}
      error={remove.error}
      onConfirm={() => remove.mutate(notice.id, { onSuccess: done })}
      onClose={onClose}
    >
      <p>{text(notice.text)}</p>
    </ConfirmDialog>
  );
}
