// Five segments that fill while an app starts, and the words of what is going on.

import { useTranslation } from "react-i18next";

import type { App } from "../../api/types";
import { formatClock } from "../../lib/format";
import { useNow } from "../../lib/useNow";
import { nextStep, STEPS, stepsDone } from "./steps";
import classes from "./StepBar.module.css";

export function StepBar({ app }: { app: App }) {
  const { t } = useTranslation("apps");
  const done = stepsDone(app);
  const next = nextStep(app);
  const words = next ? t(`step_next.${next}`) : t("step.answering");
  const last = app.steps.at(-1);
  return (
    <div className={classes.steps}>
      <div className={classes.bar} aria-hidden="true">
        {STEPS.map((step, index) => (
          <span key={step} data-state={index < done ? "done" : index === done ? "next" : "later"} />
        ))}
      </div>
      <p className={classes.words}>
        <span aria-hidden="true">
          <span className={classes.count}>{t("steps.of", { done, all: STEPS.length })}</span> {words}
        </span>
        <span className="visually-hidden" role="status">
          {t("steps.progress", { done, all: STEPS.length, next: words })}
        </span>
        <Elapsed since={app.launched_at} />
      </p>
      {last && <p className={classes.source}>{t("steps.source", { source: last.source })}</p>}
    </div>
  );
}

function Elapsed({ since }: { since: string }) {
  const { t } = useTranslation("apps");
  const now = useNow(1_000);
  return (
    <span className={classes.clock} title={t("elapsed")}>
      {formatClock((now - Date.parse(since)) / 1000)}
    </span>
  );
}
