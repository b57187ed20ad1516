// Who is signed in, the theme, and the way out.

import { Menu, UnstyledButton } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import { session } from "../api/session";
import { ThemeControl } from "../components/ThemeControl";
import { signOut } from "../features/signin/signOut";
import { useStore } from "../lib/store";
import { Icon } from "../ui/icons";
import classes from "./AccountMenu.module.css";

export function AccountMenu() {
  const { t } = useTranslation();
  const user = useStore(session)?.user;
  if (!user) return null;
  return (
    <Menu width={240}>
      <Menu.Target>
        <UnstyledButton className={classes.target} aria-label={`${t("nav.more")}: ${user.display_name}`}>
          <span className={classes.initial} aria-hidden="true">
            {[...(user.display_name || user.name)][0]?.toUpperCase()}
          </span>
          <Icon name="down" size={14} />
        </UnstyledButton>
      </Menu.Target>
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
        <Menu.Item leftSection={<Icon name="signOut" size={16} />} onClick={() => void signOut()}>
          {t("sign_out")}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
