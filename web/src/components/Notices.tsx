// Short messages at the edge of the page; the part that shows them is loaded with the first one.

import { notificationsStore, useNotifications } from "@mantine/notifications";
import { lazy, Suspense, useState } from "react";

const NoticeList = lazy(() => import("./NoticeList").then((module) => ({ default: module.NoticeList })));

export function Notices() {
  const { notifications } = useNotifications(notificationsStore);
  const [wasNeeded, setNeeded] = useState(false);
  if (notifications.length > 0 && !wasNeeded) setNeeded(true);
  return <Suspense>{wasNeeded && <NoticeList />}</Suspense>;
}
