// Switches to the other language, named in that language.

import { Button } from "@mantine/core";

import { LANGUAGES, setLanguage } from "../i18n";
import { useLanguage } from "../i18n/useLanguage";

export function LanguageButton() {
  const language = useLanguage();
  const other = LANGUAGES.find(({ id }) => id !== language)!;
  return (
    <Button variant="subtle" color="gray" size="compact-md" lang={other.id} onClick={() => void setLanguage(other.id)}>
      {other.name}
    </Button>
  );
}
