// What becomes of running apps when the person signs out.

import { Radio, Skeleton, Stack } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";

import "@mantine/core/styles/Radio.css";

import type { Preferences } from "../../api/types";
import { ProblemNote } from "../../components/ProblemNote";
import { preferencesQuery, useSavePreferences } from "./factors/queries";
import { Section } from "./Section";

const CHOICES: readonly Preferences["apps_at_sign_out"][] = ["keep", "stop"];

export function PreferencesSection() {
  const { t } = useTranslation("account");
  const { data, error, refetch } = useQuery(preferencesQuery);
  const save = useSavePreferences();
  const value = save.isPending ? save.variables.apps_at_sign_out : data?.apps_at_sign_out;
  return (
    <Section title={t("sign_out.title")}>
      {error && !data && <ProblemNote error={error} onRetry={() => void refetch()} />}
      {!data && !error && <Skeleton height={96} />}
      {data && (
        <Radio.Group
          label={t("sign_out.apps")}
          value={value ?? "keep"}
          onChange={(chosen) => save.mutate({ ...data, apps_at_sign_out: chosen as Preferences["apps_at_sign_out"] })}
        >
          <Stack gap="xs" mt="xs">
            {CHOICES.map((choice) => (
              <Radio key={choice} value={choice} label={t(`sign_out.${choice}`)} description={t(`sign_out.${choice}_help`)} />
            ))}
          </Stack>
        </Radio.Group>
      )}
      <div role="status" className="muted small">
        {save.isSuccess && t("sign_out.saved")}
      </div>
      <ProblemNote error={save.error} />
    </Section>
  );
}
