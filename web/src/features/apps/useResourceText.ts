// Resources in words: "2 CPU · 4 GiB · 1 GPU".

import { useTranslation } from "react-i18next";

import type { Resources } from "../../api/types";
import { useLanguage } from "../../i18n/useLanguage";
import { formatBytes, formatCores, formatNumber } from "../../lib/format";

export function useResourceText(): (resources: Resources) => string {
  const { t } = useTranslation("apps");
  const language = useLanguage();
  return ({ cpu_millis, memory_bytes, gpus }) =>
    [
      t("resources.cpu", { value: formatCores(cpu_millis, language) }),
      t("resources.memory", { value: formatBytes(memory_bytes, language) }),
      ...(gpus > 0 ? [t("resources.gpu", { value: formatNumber(gpus, language) })] : []),
    ].join(" · ");
}
