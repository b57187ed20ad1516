// Language and theme of this browser.

import { Input, SegmentedControl } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { ThemeControl } from "../../components/ThemeControl";
import { LANGUAGES, setLanguage } from "../../i18n";
import { useLanguage } from "../../i18n/useLanguage";
import type { Language } from "../../lib/format";
import { Section } from "./Section";
import classes from "./Section.module.css";

export function DisplaySection() {
  const { t } = useTranslation(["account", "common"]);
  const language = useLanguage();
  return (
    <Section title={t("display.title")} hint={t("display.hint")}>
      <div className={classes.form}>
        <Input.Wrapper label={t("common:language")} labelElement="div">
          <SegmentedControl
            fullWidth
            size="xs"
            aria-label={t("common:language")}
            value={language}
            onChange={(value) => void setLanguage(value as Language)}
            data={LANGUAGES.map(({ id, name }) => ({ value: id, label: name }))}
          />
        </Input.Wrapper>
        <Input.Wrapper label={t("common:theme.title")} labelElement="div">
          <ThemeControl />
        </Input.Wrapper>
      </div>
    </Section>
  );
}
