// Lets a command line in: its code, who asks and for what, and the decision.

import { Button, Group, Skeleton, TextInput } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useEffect, useRef, useState, type FormEvent } from "react";
import { useTranslation } from "react-i18next";

import { api, ok } from "../../api/client";
import { keys } from "../../api/keys";
import { isNotFound } from "../../api/problem";
import { session } from "../../api/session";
import type { DeviceRequest } from "../../api/types";
import { Moment } from "../../components/Moment";
import { Page } from "../../components/Page";
import { ProblemNote } from "../../components/ProblemNote";
import { useLanguage } from "../../i18n/useLanguage";
import { formatNumber } from "../../lib/format";
import { useStore } from "../../lib/store";
import { isWholeCode, shapeCode } from "./userCode";
import classes from "./DevicePage.module.css";

const route = getRouteApi("/signed-in/device");

type Decision = "approve" | "deny";

export function DevicePage() {
  const { t } = useTranslation("device");
  const given = shapeCode(route.useSearch().code ?? "");
  const [decided, setDecided] = useState<Decision | null>(null);
  return (
    <Page title={t("title")} width="text">
      <div className={classes.panel}>
        {decided && <Decided decision={decided} />}
        {!decided && isWholeCode(given) && <Ask key={given} code={given} onDecided={setDecided} />}
        {!decided && !isWholeCode(given) && <CodeForm initial={given} />}
      </div>
    </Page>
  );
}

function CodeForm({ initial }: { initial: string }) {
  const { t } = useTranslation("device");
  const navigate = useNavigate({ from: "/device" });
  const [code, setCode] = useState(initial);
  const [isShort, setShort] = useState(false);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setShort(!isWholeCode(code));
    if (isWholeCode(code)) void navigate({ search: { code } });
  };
  return (
    <form onSubmit={submit} noValidate className={classes.form}>
      <p>{t("enter")}</p>
      <TextInput
        label={t("code")}
        size="md"
        // oxlint-disable-next-line jsx-a11y/no-autofocus
        autoFocus
        autoComplete="off"
        autoCapitalize="characters"
        spellCheck={false}
        placeholder="ABCD-EFGH"
        value={code}
        onChange={(event) => setCode(shapeCode(event.currentTarget.value))}
        error={isShort && !isWholeCode(code) && t("code_short")}
        classNames={{ input: classes.code! }}
      />
      <div>
        <Button type="submit">{t("go_on")}</Button>
      </div>
    </form>
  );
}

function Ask({ code, onDecided }: { code: string; onDecided: (decision: Decision) => void }) {
  const { t } = useTranslation("device");
  const navigate = useNavigate({ from: "/device" });
  const at = { params: { path: { user_code: code } } };
  const asked = useQuery({ queryKey: keys.device(code), queryFn: () => ok(api.GET("/api/v1/device/{user_code}", at)), staleTime: 0, gcTime: 0 });
  const decide = useMutation({
    mutationFn: (decision: Decision) =>
      ok(decision === "approve" ? api.POST("/api/v1/device/{user_code}/approve", at) : api.POST("/api/v1/device/{user_code}/deny", at)),
    onSuccess: (_answer, decision) => onDecided(decision),
  });
  const other = (
    <Button variant="subtle" color="gray" onClick={() => void navigate({ search: {} })}>
      {t("other_code")}
    </Button>
  );
  if (asked.error) {
    return (
      <>
        {isNotFound(asked.error) ? (
          <p role="alert">{t("unknown", { code })}</p>
        ) : (
          <ProblemNote error={asked.error} onRetry={() => void asked.refetch()} />
        )}
        <div>{other}</div>
      </>
    );
  }
  if (!asked.data) return <Skeleton height={220} />;
  return (
    <>
      <p className={classes.codeShown}>{code}</p>
      <p>{t("same_code")}</p>
      <Facts request={asked.data} />
      <p className={classes.warning}>{t("only_own")}</p>
      <ProblemNote error={decide.error} />
      <Group gap="sm">
        <Button loading={decide.isPending && decide.variables === "approve"} disabled={decide.isPending} onClick={() => decide.mutate("approve")}>
          {t("approve")}
        </Button>
        <Button
          variant="default"
          loading={decide.isPending && decide.variables === "deny"}
          disabled={decide.isPending}
          onClick={() => decide.mutate("deny")}
        >
          {t("deny")}
        </Button>
        {other}
      </Group>
    </>
  );
}

function Facts({ request }: { request: DeviceRequest }) {
  const { t } = useTranslation(["device", "account"]);
  const language = useLanguage();
  const account = useStore(session)?.user;
  const days = request.expires_in_days;
  return (
    <dl className={classes.facts}>
      <dt>{t("facts.client")}</dt>
      <dd>{request.client_name}</dd>
      <dt>{t("facts.from")}</dt>
      <dd>
        {request.address} · <Moment at={request.created_at} />
      </dd>
      <dt>{t("facts.as")}</dt>
      <dd>{account && `${account.display_name} (${account.name})`}</dd>
      <dt>{t("facts.scopes")}</dt>
      <dd>
        <ul className={classes.scopes}>
          {request.scopes.map((scope) => (
            <li key={scope}>
              <strong>{t(`account:scopes.${scope}.name`)}</strong> <span className="muted small">{t(`account:scopes.${scope}.help`)}</span>
            </li>
          ))}
        </ul>
      </dd>
      <dt>{t("facts.days")}</dt>
      <dd>{t("account:tokens.days_count", { count: days, shown: formatNumber(days, language) })}</dd>
    </dl>
  );
}

function Decided({ decision }: { decision: Decision }) {
  const { t } = useTranslation("device");
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);
  return (
    <div role="status">
      <h2 ref={heading} tabIndex={-1}>
        {t(`done.${decision}`)}
      </h2>
      <p className="muted">{t(`done.${decision}_text`)}</p>
    </div>
  );
}
