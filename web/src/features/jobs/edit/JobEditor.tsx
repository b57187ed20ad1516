// Form on the left, script on the right; on a phone one below the other.

import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";

import type { JobForm, SiteOption, System } from "../../../api/types";
import { useFieldErrors } from "../../../components/fields";
import { ProblemNote } from "../../../components/ProblemNote";
import { queuesQuery, siteOptionsQuery } from "../queries";
import { Checks } from "./Checks";
import { keepDraft, lastOptions, optionsOf } from "./draft";
import { FormFields } from "./FormFields";
import { ScriptEditor } from "./ScriptEditor";
import { TemplateBar } from "./TemplateBar";
import { useScript } from "./useScript";
import { useSubmit } from "./useSubmit";
import classes from "./JobEditor.module.css";

const NO_OPTIONS: readonly SiteOption[] = [];

interface Props {
  systems: readonly System[];
  /** Id of the system that is chosen at first. */
  first: string;
  initial: JobForm;
  /** Whether what is typed is kept as the draft. */
  isDraft: boolean;
}

export function JobEditor({ systems, first, initial, isDraft }: Props) {
  const { t } = useTranslation("jobs");
  const [system, setSystem] = useState(first);
  const { data: queues = [], isSuccess: hasQueues } = useQuery(queuesQuery(system));
  const [form, setForm] = useState(initial);
  const queue = queues.find(({ name }) => name === form.queue) ?? queues.find(({ is_default }) => is_default);
  const siteOptions = useQuery(siteOptionsQuery(system)).data ?? NO_OPTIONS;
  const effective = useMemo(
    () => ({
      ...form,
      queue: form.queue === "" ? (queue?.name ?? "") : form.queue,
      // A script that was opened says them itself.
      options: optionsOf(siteOptions, { ...(form.head == null ? lastOptions(system) : {}), ...form.options }),
    }),
    [form, queue?.name, siteOptions, system],
  );
  const { script, error } = useScript(system, effective, hasQueues);
  const submit = useSubmit(system);
  const refused = useFieldErrors(submit.error);
  const change = (part: Partial<JobForm>) => setForm((old) => ({ ...old, ...part }));
  useEffect(() => {
    if (isDraft) keepDraft(form);
  }, [form, isDraft]);

  return (
    <form
      className={classes.editor}
      noValidate
      aria-label={t("new.title")}
      onSubmit={(event) => {
        event.preventDefault();
        if (!submit.isPending) submit.mutate(effective);
      }}
    >
      <div className={classes.side}>
        <TemplateBar system={system} form={form} onForm={setForm} />
        <FormFields
          systems={systems}
          system={system}
          onSystem={setSystem}
          queues={queues}
          queue={queue}
          form={effective}
          onChange={change}
          siteOptions={siteOptions}
          problems={script?.problems ?? []}
          refused={refused}
        />
      </div>
      <div className={classes.main}>
        <ScriptEditor system={system} form={effective} script={script} onChange={change} onForm={setForm} refused={refused} />
        <div className={classes.foot}>
          <Checks queue={queue} siteOptions={siteOptions} problems={script?.problems ?? []} form={effective} />
          <ProblemNote error={submit.error ?? error} />
          <Button type="submit" size="md" loading={submit.isPending}>
            {t("submit.action")}
          </Button>
        </div>
      </div>
    </form>
  );
}
