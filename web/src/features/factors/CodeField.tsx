// The field for a code of the authenticator app: digits only, sends itself when it is whole.

import { TextInput } from "@mantine/core";
import { useEffect, useRef, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { CODE_DIGITS, codeDigits } from "./code";
import classes from "./factors.module.css";

interface Props {
  value: string;
  onChange: (code: string) => void;
  /** Called once for each whole code. */
  onWhole: (code: string) => void;
  error?: ReactNode;
  label?: string;
  autoFocus?: boolean;
}

export function CodeField({ value, onChange, onWhole, error, label, autoFocus }: Props) {
  const { t } = useTranslation("factors");
  const field = useRef<HTMLInputElement>(null);
  const told = useRef("");
  // A code that was refused is selected, so that the next one replaces it.
  useEffect(() => {
    if (error) field.current?.select();
  }, [error]);
  const change = (typed: string) => {
    const code = codeDigits(typed);
    onChange(code);
    if (code.length < CODE_DIGITS) told.current = "";
    else if (code !== told.current) {
      told.current = code;
      onWhole(code);
    }
  };
  return (
    <TextInput
      ref={field}
      label={label ?? t("code")}
      description={t("code_hint")}
      name="code"
      size="md"
      inputMode="numeric"
      autoComplete="one-time-code"
      data-autofocus={autoFocus || undefined}
      // oxlint-disable-next-line jsx-a11y/no-autofocus
      autoFocus={autoFocus}
      spellCheck={false}
      value={value}
      onChange={(event) => change(event.currentTarget.value)}
      error={error}
      classNames={{ input: classes.code! }}
    />
  );
}
