// The menu of one app: everything that can be done with it.

import { Menu } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { Link } from "@tanstack/react-router";
import { useState, type ReactElement } from "react";
import { useTranslation } from "react-i18next";

import type { App } from "../../api/types";
import { errorText } from "../../lib/problemText";
import { Icon } from "../../ui/icons";
import { can, useRestartApp, useStartApp, useStopApp } from "./actions";
import { DeleteAppDialog } from "./DeleteAppDialog";
import { RenameAppDialog } from "./RenameAppDialog";

interface Props {
  app: App;
  onDeleted: (() => void) | undefined;
  /** The item that opened the dialog is gone by then, so the focus needs another place. */
  onDialogClosed: () => void;
  children: ReactElement;
}

export function AppMenuList({ app, onDeleted, onDialogClosed, children }: Props) {
  const { t, i18n } = useTranslation("apps");
  const [dialog, setDialog] = useState<"rename" | "delete" | null>(null);
  const tell = { onError: (error: Error) => void notifications.show({ color: "red", message: errorText(error, i18n) }) };
  const onLong = ({ name }: App) => void notifications.show({ message: t("restarting.long_of", { name }) });
  const [start, stop, restart] = [useStartApp(tell), useStopApp(tell), useRestartApp({ ...tell, onLong })];
  const close = () => {
    setDialog(null);
    setTimeout(onDialogClosed);
  };
  return (
    <>
      <Menu width={220} defaultOpened>
        <Menu.Target>{children}</Menu.Target>
        <Menu.Dropdown>
          <Menu.Item leftSection={<Icon name="log" size={16} />} renderRoot={(props) => <Link to="/apps/$id" params={{ id: app.id }} {...props} />}>
            {t("action.details")}
          </Menu.Item>
          {can.restart(app) && (
            <Menu.Item leftSection={<Icon name="restart" size={16} />} onClick={() => restart.mutate(app)}>
              {t("action.restart")}
            </Menu.Item>
          )}
          {can.start(app) && (
            <Menu.Item leftSection={<Icon name="play" size={16} />} onClick={() => start.mutate(app.id)}>
              {t("action.start")}
            </Menu.Item>
          )}
          {can.stop(app) && (
            <Menu.Item leftSection={<Icon name="stop" size={16} />} onClick={() => stop.mutate(app.id)}>
              {t("action.stop")}
            </Menu.Item>
          )}
          <Menu.Item leftSection={<Icon name="edit" size={16} />} onClick={() => setDialog("rename")}>
            {t("action.rename")}
          </Menu.Item>
          <Menu.Divider />
          <Menu.Item color="red" leftSection={<Icon name="trash" size={16} />} onClick={() => setDialog("delete")}>
            {t("action.delete")}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <RenameAppDialog app={app} opened={dialog === "rename"} onClose={close} />
      <DeleteAppDialog app={app} opened={dialog === "delete"} onClose={close} onDeleted={onDeleted} />
    </>
  );
}
