// The image that a person names: what the site allows stands below it, what she has used is offered.

import { Autocomplete } from "@mantine/core";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import classes from "./LaunchForm.module.css";

interface Props {
  label: string;
  help: ReactNode;
  error: string | undefined;
  value: string;
  allowed: readonly string[];
  used: readonly string[];
  onChange: (value: string) => void;
}

export function ImageField({ label, help, error, value, allowed, used, onChange }: Props) {
  const { t } = useTranslation("apps");
  const description = (
    <>
      {help} {t("new.images_allowed")}
      {allowed.map((pattern) => (
        <code key={pattern} className={classes.pattern}>
          {pattern}
        </code>
      ))}
    </>
  );
  return (
    <Autocomplete
      label={label}
      description={description}
      error={error}
      value={value}
      data={[...used]}
      spellCheck={false}
      autoCapitalize="none"
      autoComplete="off"
      styles={{ input: { fontFamily: "var(--font-mono)" }, option: { fontFamily: "var(--font-mono)", overflowWrap: "anywhere" } }}
      onChange={onChange}
    />
  );
}
