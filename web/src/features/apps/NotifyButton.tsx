// Asks, where the browser has not been asked, whether it may tell of an end that comes.

import { Button } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";

/** Browsers have notifications on secure pages alone. */
export const mayNotify = () => (typeof Notification === "undefined" ? "denied" : Notification.permission);

export function NotifyButton() {
  const { t } = useTranslation("apps");
  const [permission, setPermission] = useState(mayNotify);
  if (permission !== "default") return null;
  return (
    <Button size="xs" variant="default" onClick={() => void Notification.requestPermission().then(setPermission)}>
      {t("auto_stop.notify")}
    </Button>
  );
}
