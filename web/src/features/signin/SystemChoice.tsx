// Which system new jobs begin with, and what runs where; with one system there is nothing to choose.

import { Select } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import type { SiteSystem } from "../../api/types";
import { useText } from "../../i18n/useLanguage";
import { keepPreferredSystem, preferredSystem } from "../../lib/preferredSystem";

export function SystemChoice({ systems }: { systems: readonly SiteSystem[] }) {
  const { t } = useTranslation("signin");
  const text = useText();
  const [chosen, setChosen] = useState(() => preferredSystem());
  const system = systems.find(({ id }) => id === chosen) ?? systems[0];
  if (!system || systems.length < 2) return null;
  const label = ({ title, available }: SiteSystem) => (available ? text(title) : t("system_away", { system: text(title) }));
  return (
    <Select
      label={t("system")}
      description={t(usesOf(system))}
      allowDeselect={false}
      data={systems.map((one) => ({ value: one.id, label: label(one) }))}
      value={system.id}
      onChange={(id) => {
        if (!id) return;
        setChosen(id);
        keepPreferredSystem(id);
      }}
    />
  );
}

function usesOf({ uses }: SiteSystem) {
  if (!uses.includes("jobs")) return "system_apps";
  return uses.includes("apps") ? "system_both" : "system_jobs";
}
