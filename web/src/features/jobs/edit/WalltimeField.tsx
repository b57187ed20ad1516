// Hours, minutes and seconds that the job may run.

import { TextInput } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { parseWalltime, showWalltime } from "./draft";

interface Props {
  seconds: number;
  maxSecs: number | undefined;
  onSeconds: (seconds: number) => void;
  error: string | undefined;
}

export function WalltimeField({ seconds, maxSecs, onSeconds, error }: Props) {
  const { t } = useTranslation("jobs");
  const [typed, setTyped] = useState<string | null>(null);
  const text = typed ?? showWalltime(seconds);
  const parsed = parseWalltime(text);
  const fault =
    parsed === null
      ? t("form.walltime_invalid")
      : maxSecs !== undefined && parsed > maxSecs
        ? t("form.walltime_over", { max: showWalltime(maxSecs) })
        : undefined;
  const describe = () => {
    if (maxSecs === undefined) return t("form.walltime_help");
    return Number.isFinite(maxSecs) ? t("form.up_to", { max: showWalltime(maxSecs) }) : t("form.walltime_unlimited");
  };
  return (
    <TextInput
      label={t("form.walltime")}
      description={describe()}
      value={text}
      inputMode="numeric"
      autoComplete="off"
      placeholder="01:00:00"
      onChange={(event) => {
        setTyped(event.currentTarget.value);
        const next = parseWalltime(event.currentTarget.value);
        if (next !== null) onSeconds(next);
      }}
      onBlur={() => parsed !== null && setTyped(null)}
      error={fault ?? error}
    />
  );
}
