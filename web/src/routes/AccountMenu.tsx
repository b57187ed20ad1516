// Who is signed in; pressed, it opens the account's menu.

import { UnstyledButton } from "@mantine/core";
import { lazy, Suspense } from "react";
import { useTranslation } from "react-i18next";

import { session } from "../api/session";
import { useStore } from "../lib/store";
import { useOnDemand } from "../lib/useOnDemand";
import { Icon } from "../ui/icons";
import classes from "./AccountMenu.module.css";

const load = () => import("./AccountMenuList");
const AccountMenuList = lazy(() => load().then((module) => ({ default: module.AccountMenuList })));

export function AccountMenu() {
  const { t } = useTranslation();
  const { isWanted, handlers } = useOnDemand(load);
  const user = useStore(session)?.user;
  if (!user) return null;
  const target = (
    <UnstyledButton className={classes.target} aria-haspopup="menu" aria-label={`${t("nav.more")}: ${user.display_name}`} {...handlers}>
      <span className={classes.initial} aria-hidden="true">
        {[...(user.display_name || user.name)][0]?.toUpperCase()}
      </span>
      <Icon name="down" size={14} />
    </UnstyledButton>
  );
  if (!isWanted) return target;
  return (
    <Suspense fallback={target}>
      <AccountMenuList user={user}>{target}</AccountMenuList>
    </Suspense>
  );
}
