// API tokens: made here, shown once, deleted here.

import { Button, Select, Skeleton, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { useTranslation } from "react-i18next";

import type { NewToken, Token } from "../../api/types";
import { ConfirmDialog } from "../../components/ConfirmDialog";
import { useFieldErrors } from "../../components/fields";
import { Moment } from "../../components/Moment";
import { ProblemNote } from "../../components/ProblemNote";
import { useLanguage } from "../../i18n/useLanguage";
import { formatDate, formatNumber } from "../../lib/format";
import { useNow } from "../../lib/useNow";
import { NewTokenDialog } from "./NewTokenDialog";
import { tokensQuery, useCreateToken, useDeleteToken } from "./queries";
import { Section } from "./Section";
import classes from "./Section.module.css";

const DAYS = [7, 30, 90, 365];

export function TokensSection() {
  const { t } = useTranslation("account");
  const { data, error, refetch } = useQuery(tokensQuery);
  const [made, setMade] = useState<NewToken | null>(null);
  return (
    <Section title={t("tokens.title")} hint={t("tokens.hint")}>
      {error && !data && <ProblemNote error={error} onRetry={() => void refetch()} />}
      {!data && !error && <Skeleton height={40} />}
      {data?.length === 0 && <p className="muted">{t("tokens.none")}</p>}
      <ul className={classes.rows}>
        {data?.map((token) => (
          <TokenRow key={token.id} token={token} />
        ))}
      </ul>
      <CreateToken onMade={setMade} />
      <NewTokenDialog made={made} onClose={() => setMade(null)} />
    </Section>
  );
}

function TokenRow({ token }: { token: Token }) {
  const { t } = useTranslation(["account", "common"]);
  const language = useLanguage();
  const now = useNow(60_000);
  const [asking, setAsking] = useState(false);
  const remove = useDeleteToken();
  const isOver = token.expires_at !== null && Date.parse(token.expires_at) <= now;
  const validity = token.expires_at
    ? t(isOver ? "tokens.expired" : "tokens.expires", { date: formatDate(token.expires_at, language) })
    : t("tokens.forever");
  return (
    <li className={classes.row}>
      <div className={classes.what}>
        <strong>{token.name}</strong>
        <p className="muted small">
          {validity} · {token.last_used_at ? <Moment at={token.last_used_at} /> : t("tokens.never_used")}
        </p>
      </div>
      <Button size="xs" variant="default" aria-label={t("tokens.delete_label", { name: token.name })} onClick={() => setAsking(true)}>
        {t("common:delete")}
      </Button>
      <ConfirmDialog
        opened={asking}
        title={t("tokens.delete_title", { name: token.name })}
        confirm={t("common:delete")}
        busy={remove.isPending}
        error={remove.error}
        onConfirm={() => remove.mutate(token.id, { onSuccess: () => setAsking(false) })}
        onClose={() => setAsking(false)}
      >
        {t("tokens.delete_text")}
      </ConfirmDialog>
    </li>
  );
}

function CreateToken({ onMade }: { onMade: (made: NewToken) => void }) {
  const { t } = useTranslation(["account", "errors"]);
  const language = useLanguage();
  const [name, setName] = useState("");
  const [days, setDays] = useState(90);
  const [checked, setChecked] = useState(false);
  const create = useCreateToken();
  const told = useFieldErrors(create.error);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setChecked(true);
    if (name.trim() === "") return;
    const done = (made: NewToken) => {
      onMade(made);
      setName("");
      setChecked(false);
    };
    create.mutate({ name: name.trim(), expires_in_days: days }, { onSuccess: done });
  };
  const isMissing = checked && name.trim() === "";
  return (
    <form onSubmit={submit} noValidate className={classes.token}>
      <div className={classes.inline}>
        <TextInput
          label={t("tokens.name")}
          value={name}
          maxLength={100}
          onChange={(event) => setName(event.currentTarget.value)}
          error={isMissing ? t("errors:required") : told("name")}
        />
        <Select
          label={t("tokens.days")}
          value={String(days)}
          allowDeselect={false}
          data={DAYS.map((count) => ({ value: String(count), label: t("tokens.days_count", { count, shown: formatNumber(count, language) }) }))}
          onChange={(value) => setDays(Number(value))}
          error={told("expires_in_days")}
        />
        <Button type="submit" variant="default" loading={create.isPending}>
          {t("tokens.create")}
        </Button>
      </div>
      {!told("name") && !told("expires_in_days") && <ProblemNote error={create.error} />}
    </form>
  );
}
