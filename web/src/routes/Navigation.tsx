// The portal's places: in the bar on wide screens, as tabs at the thumb on narrow ones.

import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import { Icon, type IconName } from "../ui/icons";
import classes from "./Navigation.module.css";

type Place = { to: "/" | "/jobs" | "/files" | "/account"; key: "dashboard" | "jobs" | "files" | "account"; icon: IconName };

const PLACES: Place[] = [
  { to: "/", key: "dashboard", icon: "dashboard" },
  { to: "/jobs", key: "jobs", icon: "jobs" },
  { to: "/files", key: "files", icon: "files" },
];

const TABS: Place[] = [...PLACES, { to: "/account", key: "account", icon: "user" }];

export function BarLinks() {
  const { t } = useTranslation();
  return (
    <nav className={classes.links} aria-label={t("nav.main")}>
      {PLACES.map(({ to, key }) => (
        <Link key={to} to={to} className={classes.link} activeOptions={{ exact: to === "/" }}>
          {t(`nav.${key}`)}
        </Link>
      ))}
    </nav>
  );
}

export function BottomTabs() {
  const { t } = useTranslation();
  return (
    <nav className={classes.tabs} aria-label={t("nav.main")}>
      {TABS.map(({ to, key, icon }) => (
        <Link key={to} to={to} className={classes.tab} activeOptions={{ exact: to === "/" }}>
          <Icon name={icon} size={21} />
          {t(`nav.${key}`)}
        </Link>
      ))}
    </nav>
  );
}
