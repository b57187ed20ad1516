// How an act ended, in words: done, not ended, or why it was refused.

import { useTranslation } from "react-i18next";

export function useOutcomeText(): (outcome: string | null) => string {
  const { t, i18n } = useTranslation("operate");
  return (outcome) => {
    const key = `operate:outcome.${outcome ?? "not_ended"}`;
    return i18n.exists(key) ? (t(key as never) as string) : (outcome ?? "");
  };
}
