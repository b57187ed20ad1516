// What speaks for or against the job before it is sent.

import { useTranslation } from "react-i18next";

import type { FieldProblem, JobForm, Queue, SiteOption } from "../../../api/types";
import { PhaseMark } from "../../../components/PhaseMark";
import { useText } from "../../../i18n/useLanguage";
import { problemText } from "../../../lib/problemText";
import classes from "./JobEditor.module.css";

interface Props {
  queue: Queue | undefined;
  siteOptions: readonly SiteOption[];
  problems: readonly FieldProblem[];
  form: JobForm;
}

export function Checks({ queue, siteOptions, problems, form }: Props) {
  const { t, i18n } = useTranslation("jobs");
  const cores = form.nodes * form.tasks_per_node * form.cpus_per_task;
  const text = useText();
  const fieldName = (field: string) => {
    const own = siteOptions.flatMap(({ fields }) => fields).find(({ id }) => field === `options.${id}`);
    if (own) return text(own.title);
    return i18n.exists(`jobs:field.${field}`) ? String(t(`field.${field}` as never)) : field;
  };
  const free = queue ? queue.load.slots_total - queue.load.slots_used : 0;
  return (
    <ul className={classes.checks} aria-label={t("checks.title")} aria-live="polite">
      {problems.map((problem) => (
        <li key={`${problem.field}-${problem.code}`}>
          <PhaseMark tone="busy" shape="triangle">
            {fieldName(problem.field)}: {problemText(problem, i18n)}
          </PhaseMark>
        </li>
      ))}
      {queue && problems.length === 0 && (
        <li>
          <PhaseMark tone={cores <= free ? "ready" : "idle"} shape={cores <= free ? "dot" : "ring"}>
            {cores <= free ? t("checks.starts_now", { free }) : t("checks.waits", { cores, free })}
          </PhaseMark>
        </li>
      )}
    </ul>
  );
}
