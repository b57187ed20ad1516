// The portal's places: in the bar on wide screens, as tabs at the thumb on narrow ones.

import { Link, useLocation } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import { session } from "../api/session";
import { seesPeople } from "../features/operate/roles";
import { useStore } from "../lib/store";
import { Icon, type IconName } from "../ui/icons";
import classes from "./Navigation.module.css";

interface Place {
  to: "/" | "/jobs" | "/files" | "/people" | "/account";
  key: "dashboard" | "jobs" | "files" | "operate" | "account";
  icon: IconName;
}

const PLACES: Place[] = [
  { to: "/", key: "dashboard", icon: "dashboard" },
  { to: "/jobs", key: "jobs", icon: "jobs" },
  { to: "/files", key: "files", icon: "files" },
];

const OPERATE: Place = { to: "/people", key: "operate", icon: "operate" };
const ACCOUNT: Place = { to: "/account", key: "account", icon: "user" };

/** Addresses that belong to a place without lying under it. */
const ALSO: Partial<Record<Place["key"], readonly string[]>> = { operate: ["/audit", "/notices"] };

/** The places of whoever is signed in, by what she is at the centre. */
function usePlaces(): Place[] {
  const role = useStore(session)?.role;
  return seesPeople(role) ? [...PLACES, OPERATE] : PLACES;
}

export function BarLinks() {
  const { t } = useTranslation();
  const places = usePlaces();
  const path = useLocation({ select: ({ pathname }) => pathname });
  return (
    <nav className={classes.links} aria-label={t("nav.main")}>
      {places.map(({ to, key }) => (
        <Link key={to} to={to} className={classes.link} activeOptions={{ exact: to === "/" }} data-here={ALSO[key]?.includes(path) || undefined}>
          {t(`nav.${key}`)}
        </Link>
      ))}
    </nav>
  );
}

export function BottomTabs() {
  const { t } = useTranslation();
  const tabs = [...usePlaces(), ACCOUNT];
  const path = useLocation({ select: ({ pathname }) => pathname });
  return (
    <nav className={classes.tabs} aria-label={t("nav.main")}>
      {tabs.map(({ to, key, icon }) => (
        <Link key={to} to={to} className={classes.tab} activeOptions={{ exact: to === "/" }} data-here={ALSO[key]?.includes(path) || undefined}>
          <Icon name={icon} size={21} />
          {t(`nav.${key}`)}
        </Link>
      ))}
    </nav>
  );
}
