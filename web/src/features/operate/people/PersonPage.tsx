// One person: account, sign-in, sessions, what she runs, and what an operator can do.

import { Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import { session } from "../../../api/session";
import type { PersonProfile } from "../../../api/types";
import { Moment } from "../../../components/Moment";
import { ProblemNote } from "../../../components/ProblemNote";
import { useLanguage } from "../../../i18n/useLanguage";
import { formatDate, formatNumber } from "../../../lib/format";
import { useStore } from "../../../lib/store";
import { browserName } from "../../account/browserName";
import { Section } from "../../account/Section";
import section from "../../account/Section.module.css";
import { OperatePage } from "../OperatePage";
import { isOperator } from "../roles";
import { ActivityPanel } from "./ActivityPanel";
import { Orders } from "./Orders";
import { PersonState } from "./PersonState";
import { personQuery } from "./queries";
import { useWayName } from "./useWayName";
import classes from "./People.module.css";

const route = getRouteApi("/signed-in/people/$id");

export function PersonPage() {
  const { t } = useTranslation("operate");
  const { id } = route.useParams();
  const { data, error, refetch } = useQuery(personQuery(id));
  const role = useStore(session)?.role;
  const title = data ? data.display_name || data.name : t("people.one");
  return (
    <OperatePage
      title={title}
      heading={
        <div>
          <Link to="/people" className={classes.back}>
            {t("people.back")}
          </Link>
          <h1>{title}</h1>
          {data && <PersonState locked={data.locked} />}
        </div>
      }
      actions={data && isOperator(role) && <Orders person={data} />}
    >
      <ProblemNote error={error} onRetry={() => void refetch()} />
      {!data && !error && <Skeleton height={360} radius="lg" />}
      {data && (
        <div className={classes.sections}>
          <Account person={data} />
          <SignInFacts person={data} />
          <Sessions person={data} />
          <ActivityPanel id={id} />
        </div>
      )}
    </OperatePage>
  );
}

function Account({ person }: { person: PersonProfile }) {
  const { t } = useTranslation(["operate", "account"]);
  const language = useLanguage();
  const wayName = useWayName();
  return (
    <Section title={t("person.account")}>
      <dl className={section.facts}>
        <Fact name={t("account:profile.name")}>{person.name}</Fact>
        <Fact name={t("people.column.role")}>{t(`role.${person.role}`)}</Fact>
        <Fact name={t("people.column.provider")}>{wayName(person.provider)}</Fact>
        <Fact name={t("account:profile.uid")}>{person.uid}</Fact>
        <Fact name={t("account:profile.groups")}>{person.groups.map(({ name, gid }) => `${name} (${gid})`).join(", ")}</Fact>
        <Fact name={t("account:profile.home")}>{person.home}</Fact>
        <Fact name={t("person.shell")}>{person.shell}</Fact>
        <Fact name={t("person.created")}>{formatDate(person.created_at, language)}</Fact>
        {person.refreshed_at && (
          <Fact name={t("person.refreshed")}>
            <Moment at={person.refreshed_at} />
          </Fact>
        )}
      </dl>
    </Section>
  );
}

function SignInFacts({ person }: { person: PersonProfile }) {
  const { t, i18n } = useTranslation(["operate", "account"]);
  const language = useLanguage();
  const { factors } = person;
  const reasonKey = `operate:shut_out.${person.shut_out_reason ?? ""}`;
  return (
    <Section title={t("person.sign_in")}>
      <dl className={section.facts}>
        {person.locked_by_operator && <Fact name={t("person.lock")}>{person.lock_reason || t("person.no_reason")}</Fact>}
        {person.shut_out_reason && (
          <Fact name={t("person.shut_out")}>{i18n.exists(reasonKey) ? (t(reasonKey as never) as string) : person.shut_out_reason}</Fact>
        )}
        <Fact name={t("account:two_step.title")}>
          {factors.totp_since ? t("account:two_step.since", { date: formatDate(factors.totp_since, language) }) : t("person.none")}
          {factors.required && ` · ${t("person.required")}`}
        </Fact>
        <Fact name={t("person.recovery_codes")}>{formatNumber(factors.recovery_codes_left, language)}</Fact>
        <Fact name={t("account:passkeys.title")}>{formatNumber(factors.passkeys, language)}</Fact>
        <Fact name={t("account:tokens.title")}>{formatNumber(person.tokens, language)}</Fact>
      </dl>
    </Section>
  );
}

function Sessions({ person }: { person: PersonProfile }) {
  const { t } = useTranslation(["operate", "account"]);
  return (
    <Section title={t("account:sessions.title")}>
      {person.sessions.length === 0 && <p className="muted">{t("person.no_sessions")}</p>}
      <ul className={section.rows}>
        {person.sessions.map((one) => {
          const { browser, system } = browserName(one.user_agent);
          const what = browser && system ? t("account:sessions.on", { browser, system }) : (browser ?? system ?? t("account:sessions.unknown"));
          return (
            <li key={one.id} className={section.row}>
              <div className={section.what}>
                <strong title={one.user_agent}>{what}</strong>
                <p className="muted small">
                  {one.address} · <Moment at={one.last_used_at} />
                </p>
              </div>
            </li>
          );
        })}
      </ul>
    </Section>
  );
}

function Fact({ name, children }: { name: string; children: React.ReactNode }) {
  return (
    <div style={{ display: "contents" }}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
