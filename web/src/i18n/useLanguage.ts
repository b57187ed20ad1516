// The reader's language, and text that the portal sends in both.

import { useTranslation } from "react-i18next";

import type { Text } from "../api/types";
import type { Language } from "../lib/format";

export function useLanguage(): Language {
  const { i18n } = useTranslation();
  return i18n.language as Language;
}

/** Picks the reader's language of a text; the other one where a translation is missing. */
export function useText(): (text: Text | null | undefined) => string {
  const language = useLanguage();
  return (text) => (text ? text[language] || text.en || text.ko : "");
}
