// The form of one template: a name is proposed, the size has defaults, one button starts it.

import { Button, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useRef, useState, type FormEvent } from "react";
import { useTranslation } from "react-i18next";

import { api, newIdempotencyKey, ok } from "../../../api/client";
import { keys } from "../../../api/keys";
import type { CreateApp, Template } from "../../../api/types";
import { focusFirstInvalid, useFieldErrors, useOtherFieldErrors } from "../../../components/fields";
import { ProblemNote } from "../../../components/ProblemNote";
import { useText } from "../../../i18n/useLanguage";
import { cardId } from "../cardId";
import { appsQuery, keepApp } from "../queries";
import { proposeName } from "./checks";
import { askedResources, launchProblems, startValues, toRequest, usedValues, type LaunchValues } from "./form";
import { SizeFields } from "./SizeFields";
import { TemplateFieldInput } from "./TemplateFieldInput";
import classes from "./LaunchForm.module.css";

export function LaunchForm({ template }: { template: Template }) {
  const { t } = useTranslation(["apps", "errors"]);
  const text = useText();
  const { values, change, submit, launch, errorAt, others } = useLaunchForm(template);
  const apps = useQuery(appsQuery).data?.items ?? [];
  return (
    <form className={classes.form} onSubmit={submit} noValidate aria-label={text(template.title)}>
      <TextInput
        label={t("new.name")}
        description={t("new.name_help")}
        value={values.name}
        maxLength={40}
        spellCheck={false}
        autoCapitalize="none"
        autoComplete="off"
        onChange={(event) => change({ name: event.currentTarget.value })}
        error={errorAt("name")}
      />
      <SizeFields values={values} onChange={change} errorAt={errorAt} asked={askedResources(values)} />
      {template.fields.length > 0 && (
        <fieldset className={classes.group}>
          <legend>{t("new.settings")}</legend>
          {template.fields.map((field) => (
            <TemplateFieldInput
              key={field.id}
              field={field}
              value={values.fields[field.id] ?? ""}
              onChange={(value) => change({ fields: { ...values.fields, [field.id]: value } })}
              error={errorAt(`values.${field.id}`) ?? errorAt(field.id)}
              images={{ allowed: template.images, used: usedValues(apps, template.id, field.id) }}
            />
          ))}
        </fieldset>
      )}
      <div className={classes.foot}>
        {launch.error && <ProblemNote error={launch.error} />}
        {others.map((line) => (
          <p key={line} role="alert">
            {line}
          </p>
        ))}
        <Button type="submit" size="md" loading={launch.isPending}>
          {t("new.launch", { title: text(template.title) })}
        </Button>
      </div>
    </form>
  );
}

function useLaunchForm(template: Template) {
  const { t } = useTranslation("errors");
  const names = (useQuery(appsQuery).data?.items ?? []).map(({ name }) => name);
  const [values, setValues] = useState<LaunchValues>(() => startValues(template, proposeName(template.id, names)));
  const [checked, setChecked] = useState(false);
  const launch = useLaunch();
  const told = useFieldErrors(launch.error);
  const problems = checked ? launchProblems(template, values, names) : {};
  const onScreen = new Set(["name", "resources.cpu_millis", "resources.memory_bytes", "resources.gpus", ...template.fields.flatMap(({ id }) => [id, `values.${id}`])]);

  return {
    values,
    launch,
    others: useOtherFieldErrors(launch.error, (field) => onScreen.has(field)),
    change: (part: Partial<LaunchValues>) => setValues((old) => ({ ...old, ...part })),
    errorAt: (field: string) => {
      const own = problems[field];
      return own ? String(t(own.code, own.params as never)) : told(field);
    },
    submit: (event: FormEvent<HTMLFormElement>) => {
      event.preventDefault();
      if (launch.isPending) return;
      const form = event.currentTarget;
      setChecked(true);
      if (Object.keys(launchProblems(template, values, names)).length > 0) return focusFirstInvalid(form);
      launch.mutate(toRequest(template, values), { onError: () => focusFirstInvalid(form) });
    },
  };
}

/** Sends the launch; the same form sent twice is the same launch. */
function useLaunch() {
  const cache = useQueryClient();
  const navigate = useNavigate();
  const sent = useRef({ body: "", key: "" });
  return useMutation({
    mutationFn: (request: CreateApp) => {
      const body = JSON.stringify(request);
      if (sent.current.body !== body) sent.current = { body, key: newIdempotencyKey() };
      return ok(api.POST("/api/v1/apps", { body: request, params: { header: { "Idempotency-Key": sent.current.key } } }));
    },
    onSuccess: (app) => {
      sent.current = { body: "", key: "" };
      keepApp(cache, app);
      void cache.invalidateQueries({ queryKey: keys.contract });
      void navigate({ to: "/", resetScroll: false }).then(() => showCard(app.id));
    },
  });
}

/** On a phone the dashboard's top fills the screen, and the card of what was launched lies below it. */
function showCard(id: string): void {
  document.getElementById(cardId(id))?.scrollIntoView({ block: "nearest" });
}
