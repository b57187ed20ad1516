// What the centre tells everybody: maintenance, failures, news. The portal gives those that hold.

import { CloseButton } from "@mantine/core";
import { useTranslation } from "react-i18next";

import type { Notice } from "../api/types";
import { useLanguage, useText } from "../i18n/useLanguage";
import { formatDateMinute } from "../lib/format";
import { Icon, type IconName } from "../ui/icons";
import classes from "./NoticeBoard.module.css";

const ICONS: Record<Notice["kind"], IconName> = { failure: "warning", maintenance: "tool", system: "info" };

interface Props {
  notices: readonly Notice[];
  /** Takes a notice out of sight; without it none can be. */
  onDismiss?: (notice: Notice) => void;
}

export function NoticeBoard({ notices, onDismiss }: Props) {
  const { t } = useTranslation();
  const text = useText();
  if (notices.length === 0) return null;
  return (
    <ul className={classes.notices} aria-label={t("notice.list")}>
      {notices.map((notice) => (
        <li key={notice.id} className={classes.notice} data-kind={notice.kind}>
          <Icon name={ICONS[notice.kind]} />
          <div className={classes.text}>
            <p>
              <strong>{t(`notice.kind.${notice.kind}`)}</strong> {text(notice.text)}
            </p>
            <Period notice={notice} />
          </div>
          {onDismiss && (
            <CloseButton aria-label={t("notice.dismiss", { text: text(notice.text) })} onClick={() => onDismiss(notice)} />
          )}
        </li>
      ))}
    </ul>
  );
}

function Period({ notice: { starts_at, ends_at } }: { notice: Notice }) {
  const { t } = useTranslation();
  const language = useLanguage();
  if (!ends_at) return null;
  const until = formatDateMinute(ends_at, language);
  const period = starts_at ? t("notice.period", { from: formatDateMinute(starts_at, language), until }) : t("notice.until", { until });
  return <p className="muted small">{period}</p>;
}
