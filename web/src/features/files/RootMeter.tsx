// How full the file system is that the folder lies on.

import { useTranslation } from "react-i18next";

import type { Root } from "../../api/types";
import { Meter } from "../../components/Meter";
import { useLanguage } from "../../i18n/useLanguage";
import { formatBytes } from "../../lib/format";
import classes from "./RootMeter.module.css";

interface Props {
  path: string;
  roots: readonly Root[];
}

export function RootMeter({ path, roots }: Props) {
  const { t } = useTranslation("files");
  const language = useLanguage();
  const root = roots.find((candidate) => path === candidate.path || path.startsWith(`${candidate.path}/`));
  if (root?.total_bytes == null || root.free_bytes == null) return null;
  const label = t("room", { free: formatBytes(root.free_bytes, language), total: formatBytes(root.total_bytes, language) });
  return (
    <div className={classes.room}>
      <Meter used={root.total_bytes - root.free_bytes} limit={root.total_bytes} label={label} />
      <span className="muted small">{label}</span>
    </div>
  );
}
