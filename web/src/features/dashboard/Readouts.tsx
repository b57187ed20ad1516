// The panel of instruments on top: contract, budget, interactive use.

import { Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import type { ContractView } from "../../api/types";
import { ProblemNote } from "../../components/ProblemNote";
import { useLanguage } from "../../i18n/useLanguage";
import { formatDate, formatNumber } from "../../lib/format";
import { useNow } from "../../lib/useNow";
import { InteractiveReadout } from "./InteractiveReadout";
import { contractQuery, contractState, timePassed } from "./queries";
import classes from "./Readouts.module.css";

const DAY_MS = 86_400_000;

export function Readouts() {
  const { data, error, refetch } = useQuery(contractQuery);
  if (error && !data) return <ProblemNote error={error} onRetry={() => void refetch()} />;
  return (
    <div className={classes.panel}>
      {data ? (
        <>
          <ContractReadout view={data} />
          <BudgetReadout view={data} />
          <InteractiveReadout view={data} />
        </>
      ) : (
        [0, 1, 2].map((tile) => (
          <div key={tile} className={classes.readout} aria-hidden="true">
            <Skeleton height={14} width="30%" />
            <Skeleton height={26} width="60%" />
            <Skeleton height={10} />
          </div>
        ))
      )}
    </div>
  );
}

export function Readout({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section className={classes.readout}>
      <h2 className={classes.title}>{title}</h2>
      {children}
    </section>
  );
}

function ContractReadout({ view: { contract } }: { view: ContractView }) {
  const { t } = useTranslation("dashboard");
  const language = useLanguage();
  const now = useNow(60_000);
  const state = contractState(contract ?? null, now);
  if (!contract) {
    return (
      <Readout title={t("contract.title")}>
        <p className={classes.figure}>{t("contract.none")}</p>
        <p className="muted small">{t("contract.none_hint")}</p>
      </Readout>
    );
  }
  const days = Math.max(0, Math.ceil((Date.parse(contract.ends_at) - now) / DAY_MS));
  const figure = {
    none: "",
    running: t("contract.days_left", { count: days, shown: formatNumber(days, language) }),
    not_begun: t("contract.not_begun", { date: formatDate(contract.starts_at, language) }),
    over: t("contract.over", { date: formatDate(contract.ends_at, language) }),
  }[state];
  return (
    <Readout title={t("contract.title")}>
      <p className={classes.figure}>{figure}</p>
      <Ruler passed={timePassed(contract, now)} label={t("contract.period")} />
      <p className={classes.ends}>
        <span>{formatDate(contract.starts_at, language)}</span>
        <span>{formatDate(contract.ends_at, language)}</span>
      </p>
    </Readout>
  );
}

/** The contract's period as a measuring scale with today's mark. */
function Ruler({ passed, label }: { passed: number; label: string }) {
  const percent = Math.round(passed * 100);
  return (
    <div className={classes.ruler} role="meter" aria-label={label} aria-valuemin={0} aria-valuemax={100} aria-valuenow={percent}>
      <span className={classes.passed} style={{ inlineSize: `${passed * 100}%` }} />
      <span className={classes.today} style={{ insetInlineStart: `${passed * 100}%` }} />
    </div>
  );
}

function BudgetReadout({ view: { contract } }: { view: ContractView }) {
  const { t } = useTranslation("dashboard");
  const language = useLanguage();
  const budget = contract?.budget_sru_hours ?? null;
  return (
    <Readout title={t("budget.title")}>
      {contract && budget !== null ? (
        <>
          <p className={classes.figure}>
            {formatNumber(budget, language)} <span className={classes.unit}>{t("budget.unit")}</span>
          </p>
          <p className="muted small">{t("budget.agreed", { date: formatDate(contract.ends_at, language) })}</p>
        </>
      ) : (
        <>
          <p className={classes.figure}>{t("budget.none")}</p>
          <p className="muted small">{t(contract ? "budget.none_hint" : "budget.no_contract_hint")}</p>
        </>
      )}
    </Readout>
  );
}
