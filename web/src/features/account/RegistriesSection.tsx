// Sign-ins at registries of private images: stored on the cluster, never shown again.

import { Button, PasswordInput, Skeleton, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useRef, useState, type FormEvent } from "react";
import { useTranslation } from "react-i18next";

import type { Registry } from "../../api/types";
import { ConfirmDialog } from "../../components/ConfirmDialog";
import { focusFirstInvalid, useFieldErrors } from "../../components/fields";
import { Moment } from "../../components/Moment";
import { ProblemNote } from "../../components/ProblemNote";
import { templatesQuery } from "../apps/queries";
import { registriesQuery, usePutRegistry, useRemoveRegistry } from "./queries";
import { Section } from "./Section";
import classes from "./Section.module.css";

/** Nothing where people run no images of their own. */
export function RegistriesSection() {
  const templates = useQuery(templatesQuery).data ?? [];
  const allowed = templates.find(({ available, images }) => available && images.length > 0)?.images;
  return allowed ? <Registries allowed={allowed} /> : null;
}

function Registries({ allowed }: { allowed: readonly string[] }) {
  const { t } = useTranslation("account");
  const { data, error, refetch } = useQuery(registriesQuery);
  return (
    <Section title={t("registries.title")} hint={t("registries.hint")}>
      {error && !data && <ProblemNote error={error} onRetry={() => void refetch()} />}
      {!data && !error && <Skeleton height={40} />}
      {data?.length === 0 && <p className="muted">{t("registries.none")}</p>}
      <ul className={classes.rows}>
        {data?.map((registry) => (
          <RegistryRow key={registry.host} registry={registry} />
        ))}
      </ul>
      <StorePassword allowed={allowed} />
    </Section>
  );
}

function RegistryRow({ registry: { host, account, changed_at } }: { registry: Registry }) {
  const { t } = useTranslation(["account", "common"]);
  const [asking, setAsking] = useState(false);
  const remove = useRemoveRegistry();
  return (
    <li className={classes.row}>
      <div className={classes.what}>
        <strong>{host}</strong>
        <p className="muted small">
          {account} · <Moment at={changed_at} />
        </p>
      </div>
      <Button size="xs" variant="default" aria-label={t("registries.delete_label", { host })} onClick={() => setAsking(true)}>
        {t("common:delete")}
      </Button>
      <ConfirmDialog
        opened={asking}
        title={t("registries.delete_title", { host })}
        confirm={t("common:delete")}
        busy={remove.isPending}
        error={remove.error}
        onConfirm={() => remove.mutate(host, { onSuccess: () => setAsking(false) })}
        onClose={() => setAsking(false)}
      >
        {t("registries.delete_text")}
      </ConfirmDialog>
    </li>
  );
}

const EMPTY = { host: "", account: "", password: "" };
type Name = keyof typeof EMPTY;

function StorePassword({ allowed }: { allowed: readonly string[] }) {
  const { t } = useTranslation(["account", "errors"]);
  const [values, setValues] = useState({ ...EMPTY, host: onlyHost(allowed) });
  const [checked, setChecked] = useState(false);
  const form = useRef<HTMLFormElement>(null);
  const put = usePutRegistry();
  const told = useFieldErrors(put.error);
  const names: Name[] = ["host", "account", "password"];
  const input = (name: Name) => ({
    label: t(`registries.${name}`),
    value: values[name],
    spellCheck: false,
    autoCapitalize: "none",
    error: checked && values[name].trim() === "" ? t("errors:required") : told(name),
    onChange: (event: { currentTarget: { value: string } }) => setValues({ ...values, [name]: event.currentTarget.value }),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setChecked(true);
    const focus = () => form.current && focusFirstInvalid(form.current);
    if (names.some((name) => values[name].trim() === "")) return focus();
    const done = () => {
      setValues({ ...values, password: "" });
      setChecked(false);
    };
    put.mutate(values, { onSuccess: done, onError: focus });
  };
  return (
    <form ref={form} onSubmit={submit} noValidate className={classes.token}>
      <h3>{t("registries.new")}</h3>
      <TextInput {...input("host")} description={t("registries.host_help")} placeholder="registry.example.org" autoComplete="off" />
      <TextInput {...input("account")} autoComplete="off" />
      <PasswordInput {...input("password")} autoComplete="off" />
      {!names.some((name) => told(name)) && <ProblemNote error={put.error} />}
      <div role="status">{put.isSuccess && t("registries.done", { host: put.data.host })}</div>
      <div>
        <Button type="submit" variant="default" loading={put.isPending}>
          {t("registries.store")}
        </Button>
      </div>
    </form>
  );
}

/** The host of all patterns, where they have but one. */
function onlyHost(patterns: readonly string[]): string {
  const hosts = new Set(patterns.map((pattern) => pattern.split("/")[0] ?? ""));
  const [host = ""] = hosts;
  return hosts.size === 1 && host !== "*" ? host : "";
}
