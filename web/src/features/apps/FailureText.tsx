// Why an app failed, in words, with the last lines it wrote.

import { useTranslation } from "react-i18next";

import type { App } from "../../api/types";
import { problemText } from "../../lib/problemText";
import { plainText } from "../../lib/plainText";
import classes from "./FailureText.module.css";

const LINES_ON_CARD = 3;

export function FailureText({ app, lines = LINES_ON_CARD }: { app: App; lines?: number }) {
  const { t, i18n } = useTranslation("apps");
  if (!app.failure) return null;
  const tail = app.failure.log_tail.slice(-lines);
  return (
    <div className={classes.failure}>
      <p role="status">{problemText(app.failure, i18n)}</p>
      {tail.length > 0 && (
        <pre className={classes.tail} data-short={lines === LINES_ON_CARD || undefined} aria-label={t("last_lines")}>
          {plainText(tail.join("\n"))}
        </pre>
      )}
    </div>
  );
}
