// What keeps an app from going on at present; it goes away by itself when that is mended.

import { useTranslation } from "react-i18next";

import type { App } from "../../api/types";
import { problemText } from "../../lib/problemText";
import classes from "./HoldText.module.css";

export function HoldText({ app }: { app: App }) {
  const { i18n } = useTranslation();
  if (!app.hold) return null;
  return (
    <p role="status" className={classes.hold}>
      {problemText(app.hold, i18n)}
    </p>
  );
}
