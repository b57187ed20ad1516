// What the centre says at the door: maintenance, and which systems can be used.

import { Select } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import type { Notice, SiteSystem } from "../../api/types";
import { useLanguage, useText } from "../../i18n/useLanguage";
import { formatDateMinute } from "../../lib/format";
import { keepPreferredSystem, preferredSystem } from "../../lib/preferredSystem";
import { Icon } from "../../ui/icons";
import classes from "./SignInPage.module.css";

export function NoticeBoard({ notices }: { notices: readonly Notice[] }) {
  const { t } = useTranslation("signin");
  const language = useLanguage();
  const text = useText();
  if (notices.length === 0) return null;
  return (
    <ul className={classes.notices} aria-label={t("notices")}>
      {notices.map((notice) => (
        <li key={notice.id} className={classes.notice}>
          <Icon name="warning" />
          <div>
            <p>{text(notice.text)}</p>
            {notice.starts_at && (
              <p className="muted small">
                {[notice.starts_at, notice.ends_at].map((at) => (at ? formatDateMinute(at, language) : "")).join(" – ")}
              </p>
            )}
          </div>
        </li>
      ))}
    </ul>
  );
}

/** Which system new jobs begin with; with one there is nothing to choose. */
export function SystemChoice({ systems }: { systems: readonly SiteSystem[] }) {
  const { t } = useTranslation("signin");
  const text = useText();
  const [chosen, setChosen] = useState(() => preferredSystem());
  if (systems.length < 2) return null;
  const label = (system: SiteSystem) =>
    system.available === false ? t("system_away", { system: text(system.title) }) : text(system.title);
  const value = systems.find(({ id }) => id === chosen)?.id ?? systems[0]!.id;
  return (
    <Select
      label={t("system")}
      allowDeselect={false}
      data={systems.map((system) => ({ value: system.id, label: label(system) }))}
      value={value}
      onChange={(id) => {
        if (!id) return;
        setChosen(id);
        keepPreferredSystem(id);
      }}
    />
  );
}
