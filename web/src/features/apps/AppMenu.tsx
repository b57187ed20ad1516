// The button that opens the menu of one app.

import { ActionIcon } from "@mantine/core";
import { lazy, Suspense, useRef } from "react";
import { useTranslation } from "react-i18next";

import type { App } from "../../api/types";
import { useOnDemand } from "../../lib/useOnDemand";
import { Icon } from "../../ui/icons";

const load = () => import("./AppMenuList");
const AppMenuList = lazy(() => load().then((module) => ({ default: module.AppMenuList })));

interface Props {
  app: App;
  onDeleted?: () => void;
}

export function AppMenu({ app, onDeleted }: Props) {
  const { t } = useTranslation("apps");
  const { isWanted, handlers } = useOnDemand(load);
  const button = useRef<HTMLButtonElement>(null);
  const target = (
    <ActionIcon ref={button} aria-label={t("action.menu", { name: app.name })} aria-haspopup="menu" {...handlers}>
      <Icon name="more" />
    </ActionIcon>
  );
  if (!isWanted) return target;
  return (
    <Suspense fallback={target}>
      <AppMenuList app={app} onDeleted={onDeleted} onDialogClosed={() => button.current?.focus()}>
        {target}
      </AppMenuList>
    </Suspense>
  );
}
