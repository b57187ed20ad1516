// Why an attempt failed, or how long the next one has to wait.

import { useTranslation } from "react-i18next";

import { ProblemNote } from "../../components/ProblemNote";
import { useLanguage } from "../../i18n/useLanguage";
import { formatSpan } from "../../lib/format";

export function AttemptNote({ error, waitSecs }: { error: unknown; waitSecs: number }) {
  const { t } = useTranslation("signin");
  const language = useLanguage();
  if (waitSecs > 0) return <p role="status">{t("wait", { left: formatSpan(waitSecs, language) })}</p>;
  return <ProblemNote error={error} />;
}
