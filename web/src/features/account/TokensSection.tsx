// API tokens: made here, shown once, deleted here.

import { Button, Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import type { NewToken, Token } from "../../api/types";
import { ConfirmDialog } from "../../components/ConfirmDialog";
import { Moment } from "../../components/Moment";
import { ProblemNote } from "../../components/ProblemNote";
import { useLanguage } from "../../i18n/useLanguage";
import { formatDate } from "../../lib/format";
import { useNow } from "../../lib/useNow";
import { CreateToken } from "./CreateToken";
import { NewTokenDialog } from "./NewTokenDialog";
import { tokensQuery, useDeleteToken } from "./queries";
import { Section } from "./Section";
import classes from "./Section.module.css";

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
          {token.last_used_address && ` · ${token.last_used_address}`}
        </p>
        <p className="muted small">
          {(token.scopes ?? []).map((scope) => t(`scopes.${scope}.name`)).join(", ")}
          {token.networks && token.networks.length > 0 && ` · ${t("tokens.only_from", { networks: token.networks.join(", ") })}`}
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
