// What running apps take together, against what may be taken.

import { useTranslation } from "react-i18next";

import type { ContractView } from "../../api/types";
import { Meter } from "../../components/Meter";
import { useLanguage } from "../../i18n/useLanguage";
import { formatBytes, formatCores, formatNumber } from "../../lib/format";
import { limitsOf } from "./queries";
import { Readout } from "./Readouts";
import classes from "./Readouts.module.css";

export function InteractiveReadout({ view }: { view: ContractView }) {
  const { t } = useTranslation("dashboard");
  const language = useLanguage();
  const limits = limitsOf(view);
  const { in_use } = view;
  const title = view.contract ? t("interactive.title") : `${t("interactive.title")} · ${t("interactive.whole")}`;
  return (
    <Readout title={title}>
      <dl className={classes.gauges}>
        <Gauge name={t("interactive.cpu")} used={in_use.cpu_millis} limit={limits.cpu_millis} unit={1000} show={(value) => formatCores(value, language)} />
        <Gauge name={t("interactive.memory")} used={in_use.memory_bytes} limit={limits.memory_bytes} show={(value) => formatBytes(value, language)} />
        <Gauge name={t("interactive.gpu")} used={in_use.gpus} limit={limits.gpus} unit={1} show={(value) => formatNumber(value, language)} />
      </dl>
    </Readout>
  );
}

interface GaugeProps {
  name: string;
  used: number;
  limit: number;
  unit?: number;
  show: (value: number) => string;
}

function Gauge({ name, used, limit, unit, show }: GaugeProps) {
  const { t } = useTranslation("dashboard");
  const isOver = used > limit;
  const words = limit === 0 && used === 0 ? t("interactive.none") : t("interactive.of", { used: show(used), limit: show(limit) });
  return (
    <div className={classes.gauge}>
      <dt className="muted">{name}</dt>
      <dd>
        <Meter used={used} limit={limit} {...(unit ? { unit } : {})} label={`${name}: ${words}`} />
      </dd>
      <dd className={isOver ? classes.over : undefined}>
        {words}
        {isOver && <span> · {t("interactive.over")}</span>}
      </dd>
    </div>
  );
}
