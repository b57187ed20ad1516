// Languages: one chunk each, loaded when it is first chosen.

import i18next from "i18next";
import { initReactI18next } from "react-i18next";

import type { Language } from "../lib/format";
import { josa } from "../lib/josa";

export const LANGUAGES: readonly { id: Language; name: string }[] = [
  { id: "ko", name: "한국어" },
  { id: "en", name: "English" },
];

const KEPT_AS = "myksc-language";

const bundles = {
  ko: () => import("./ko"),
  en: () => import("./en"),
};

export async function startLanguages(): Promise<void> {
  const language = document.documentElement.lang === "ko" ? "ko" : "en";
  await i18next.use(initReactI18next).init({
    lng: language,
    fallbackLng: false,
    defaultNS: "common",
    resources: { [language]: (await bundles[language]()).default },
    interpolation: { escapeValue: false },
    returnNull: false,
  });
  // "{{way, ro}}" in a Korean text.
  for (const [name, join] of Object.entries(josa)) i18next.services.formatter?.add(name, (word) => join(String(word)));
  showLanguage(language);
}

/** Switches without a reload and remembers it in this browser. */
export async function setLanguage(language: Language): Promise<void> {
  const bundle = (await bundles[language]()).default;
  for (const [namespace, texts] of Object.entries(bundle)) i18next.addResourceBundle(language, namespace, texts);
  await i18next.changeLanguage(language);
  showLanguage(language);
  try {
    localStorage.setItem(KEPT_AS, language);
  } catch {
    // A browser that keeps nothing asks again next time.
  }
}

function showLanguage(language: Language): void {
  document.documentElement.lang = language;
}
