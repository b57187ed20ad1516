// What the app is: its template, size, values, and when it was made and started.

import { useQuery } from "@tanstack/react-query";
import type { i18n } from "i18next";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import type { App, TemplateField } from "../../../api/types";
import { Moment } from "../../../components/Moment";
import { useLanguage, useText } from "../../../i18n/useLanguage";
import { formatNumber } from "../../../lib/format";
import { templatesQuery } from "../queries";
import { useResourceText } from "../useResourceText";
import classes from "./AppPage.module.css";

export function Definition({ app }: { app: App }) {
  const { t, i18n } = useTranslation("apps");
  const language = useLanguage();
  const text = useText();
  const words = useResourceText();
  const template = useQuery(templatesQuery).data?.find(({ id }) => id === app.template);
  const runtime = `apps:runtime.${app.runtime}`;
  const limits = app.limits_by ? limitsText(i18n, app.limits_by) : t("details.unknown_limits");
  const fieldOf = (id: string) => template?.fields.find((field) => field.id === id);
  return (
    <section className={classes.section} aria-labelledby="definition">
      <h2 id="definition">{t("details.definition")}</h2>
      <dl className={classes.facts}>
        <Fact name={t("details.template")}>{text(template?.title) || app.template}</Fact>
        <Fact name={t("details.resources")}>{words(app.resources)}</Fact>
        <Fact name={t("details.limits_by")}>{limits}</Fact>
        {Object.entries(app.values).map(([id, value]) => (
          <Fact key={id} name={text(fieldOf(id)?.label) || id}>
            <FieldValue field={fieldOf(id)} value={String(value)} />
          </Fact>
        ))}
        <Fact name={t("details.runtime")}>{i18n.exists(runtime) ? t(`runtime.${app.runtime}` as "runtime.local") : app.runtime}</Fact>
        <Fact name={t("details.launched")}>
          <Moment at={app.launched_at} />
        </Fact>
        {app.ended_at && (
          <Fact name={t("details.ended")}>
            <Moment at={app.ended_at} />
          </Fact>
        )}
        <Fact name={t("details.created")}>
          <Moment at={app.created_at} />
        </Fact>
        <Fact name={t("details.launches")}>{formatNumber(app.generation, language)}</Fact>
        <Fact name={t("details.origin")}>{app.origin}</Fact>
      </dl>
    </section>
  );
}

/** What keeps the limits, and what it can keep. */
function limitsText(translator: i18n, limitsBy: string): string {
  const key = `apps:limits.${limitsBy}`;
  return translator.exists(key) ? translator.t(key as "apps:limits.rlimit") : limitsBy;
}

function FieldValue({ field, value }: { field: TemplateField | undefined; value: string }) {
  const { t } = useTranslation();
  const text = useText();
  if (value === "") return t("no_value");
  if (field?.kind === "toggle") return t(value === "true" ? "yes" : "no");
  if (field?.kind === "choice") return text(field.choices.find((choice) => choice.value === value)?.label) || value;
  return value.includes("\n") ? <pre>{value}</pre> : value;
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  );
}
