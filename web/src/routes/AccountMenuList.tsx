// The account's menu: the account page, the theme, and the way out.

import { Menu } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import type { ReactElement } from "react";
import { useTranslation } from "react-i18next";

import type { Session } from "../api/types";
import { ThemeControl } from "../components/ThemeControl";
import { signOutFromMenu } from "../features/signin/signOut";
import { Icon } from "../ui/icons";
import classes from "./AccountMenu.module.css";

export function AccountMenuList({ user, children }: { user: Session["user"]; children: ReactElement }) {
  const { t } = useTranslation();
  return (
    <Menu width={240} defaultOpened>
      <Menu.Target>{children}</Menu.Target>
      <Menu.Dropdown>
        <div className={classes.who}>
          <strong>{user.display_name}</strong>
          <span className="muted small">{user.name}</span>
        </div>
        <Menu.Item leftSection={<Icon name="user" size={16} />} renderRoot={(props) => <Link to="/account" {...props} />}>
          {t("nav.account")}
        </Menu.Item>
        <div className={classes.theme}>
          <ThemeControl />
        </div>
        <Menu.Item leftSection={<Icon name="signOut" size={16} />} onClick={() => void signOutFromMenu()}>
          {t("sign_out")}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
