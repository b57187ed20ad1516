// The steps of the present launch, each with its time and the object that told it.

import { useTranslation } from "react-i18next";

import type { App, Step } from "../../../api/types";
import { useLanguage } from "../../../i18n/useLanguage";
import { formatDateTime, formatSpan, formatTime } from "../../../lib/format";
import { nextStep, STEPS } from "../steps";
import classes from "./AppPage.module.css";

export function StepList({ app }: { app: App }) {
  const { t } = useTranslation("apps");
  const language = useLanguage();
  const answered = app.steps.find(({ step }) => step === "answering");
  return (
    <section className={classes.section} aria-labelledby="steps">
      <h2 id="steps">{t("steps.title")}</h2>
      <ol className={classes.steps}>
        {STEPS.map((step) => (
          <StepRow key={step} app={app} step={step} />
        ))}
      </ol>
      {answered && (
        <p className="muted small">
          {t("steps.took", { span: formatSpan((Date.parse(answered.at) - Date.parse(app.launched_at)) / 1000, language) })}
        </p>
      )}
    </section>
  );
}

function StepRow({ app, step }: { app: App; step: Step }) {
  const { t } = useTranslation("apps");
  const language = useLanguage();
  const record = app.steps.findLast((known) => known.step === step);
  const isNext = app.phase === "starting" && nextStep(app) === step;
  return (
    <li className={classes.step} data-done={record ? true : undefined} data-next={isNext || undefined}>
      <span className={classes.sign} aria-hidden="true" />
      <span>{isNext ? t(`step_next.${step}`) : t(`step.${step}`)}</span>
      {record ? (
        <time dateTime={record.at} title={formatDateTime(record.at, language)}>
          {formatTime(record.at, language)}
        </time>
      ) : (
        <span>{isNext ? "" : t("steps.waiting")}</span>
      )}
      {record && <span className={classes.source}>{t("steps.source", { source: record.source })}</span>}
    </li>
  );
}
