// Who the person is to the machines. The centre changes it, not this page.

import { useTranslation } from "react-i18next";

import { session } from "../../api/session";
import { useStore } from "../../lib/store";
import { Section } from "./Section";
import classes from "./Section.module.css";

export function ProfileSection() {
  const { t } = useTranslation("account");
  const user = useStore(session)?.user;
  if (!user) return null;
  const facts: [string, string][] = [
    [t("profile.display_name"), user.display_name],
    [t("profile.name"), user.name],
    [t("profile.uid"), String(user.uid)],
    [t("profile.groups"), user.groups.map(({ name, gid }) => `${name} (${gid})`).join(", ")],
    [t("profile.home"), user.home],
  ];
  return (
    <Section title={t("profile.title")}>
      <dl className={classes.facts}>
        {facts.map(([name, value]) => (
          <div key={name} style={{ display: "contents" }}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </Section>
  );
}
