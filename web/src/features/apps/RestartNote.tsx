// What an app that is being restarted waits for.

import { useTranslation } from "react-i18next";

import type { App } from "../../api/types";
import { useStore } from "../../lib/store";
import { restarts } from "./restart";

export function RestartNote({ app }: { app: App }) {
  const { t } = useTranslation("apps");
  const restart = useStore(restarts).get(app.id);
  if (!restart || app.phase !== "stopping") return null;
  return (
    <p className="muted small" role="status">
      {t(restart.isLong ? "restarting.long" : "restarting.waiting")}
    </p>
  );
}
