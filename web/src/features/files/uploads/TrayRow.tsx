// One upload in the tray.

import { ActionIcon, Button } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { useLanguage } from "../../../i18n/useLanguage";
import { formatBytes, formatSpan } from "../../../lib/format";
import { baseName } from "../../../lib/paths";
import { errorText } from "../../../lib/problemText";
import { Icon } from "../../../ui/icons";
import { cancelUpload, pauseUpload, resumeUpload } from "./send";
import { dropUploads, type UploadItem } from "./store";
import classes from "./Tray.module.css";

export function TrayRow({ item }: { item: UploadItem }) {
  const name = baseName(item.path);
  const percent = item.file.size > 0 ? (item.sentBytes / item.file.size) * 100 : item.phase === "done" ? 100 : 0;
  return (
    <li className={classes.row} data-phase={item.phase}>
      <span className={classes.name} title={name}>
        {name}
      </span>
      <span className={classes.state}>
        <State item={item} />
      </span>
      <span
        className={classes.bar}
        role="progressbar"
        aria-label={name}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={Math.round(percent)}
      >
        <span style={{ inlineSize: `${percent}%` }} />
      </span>
      <span className={classes.actions}>
        <Actions item={item} name={name} />
      </span>
    </li>
  );
}

function State({ item }: { item: UploadItem }) {
  const { t, i18n } = useTranslation("files");
  const language = useLanguage();
  const bytes = `${formatBytes(item.sentBytes, language)} / ${formatBytes(item.file.size, language)}`;
  switch (item.phase) {
    case "waiting":
      return t("uploads.waiting");
    case "sending": {
      if (!item.bytesPerSecond) return bytes;
      const left = formatSpan((item.file.size - item.sentBytes) / item.bytesPerSecond, language);
      return t("uploads.sending", { bytes, speed: formatBytes(item.bytesPerSecond, language), left });
    }
    case "paused":
      return t("uploads.paused", { bytes });
    case "done":
      return t("uploads.done", { size: formatBytes(item.file.size, language) });
    case "conflict":
    case "failed":
      return <span className={classes.fault}>{errorText(item.error, i18n)}</span>;
  }
}

function Actions({ item, name }: { item: UploadItem; name: string }) {
  const { t } = useTranslation("files");
  if (item.phase === "conflict") {
    return (
      <>
        <Button size="compact-xs" variant="default" onClick={() => resumeUpload(item.key, true)}>
          {t("uploads.replace")}
        </Button>
        <Button size="compact-xs" variant="default" onClick={() => dropUploads(new Set([item.key]))}>
          {t("uploads.skip")}
        </Button>
      </>
    );
  }
  return (
    <>
      {item.phase === "sending" && (
        <ActionIcon aria-label={t("uploads.pause", { name })} onClick={() => pauseUpload(item.key)}>
          <Icon name="pause" />
        </ActionIcon>
      )}
      {(item.phase === "paused" || item.phase === "failed") && (
        <ActionIcon aria-label={t("uploads.resume", { name })} onClick={() => resumeUpload(item.key)}>
          <Icon name="play" />
        </ActionIcon>
      )}
      {item.phase !== "done" && (
        <ActionIcon aria-label={t("uploads.cancel", { name })} onClick={() => void cancelUpload(item.key)}>
          <Icon name="cross" />
        </ActionIcon>
      )}
    </>
  );
}
