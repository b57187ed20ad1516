// How the tasks of an array stand, in a line.

import { useTranslation } from "react-i18next";

import type { JobArray } from "../../../api/types";
import { useLanguage } from "../../../i18n/useLanguage";
import { formatNumber } from "../../../lib/format";

const PARTS = ["running", "waiting", "failed", "succeeded"] as const;

export function ArrayCount({ array }: { array: JobArray }) {
  const { t } = useTranslation("jobs");
  const language = useLanguage();
  const parts = PARTS.filter((part) => array[part] > 0);
  const shown = parts.map((part) => t(`array.${part}`, { count: array[part], shown: formatNumber(array[part], language) }));
  return <>{[t("array.total", { count: array.total, shown: formatNumber(array.total, language) }), ...shown].join(" · ")}</>;
}
