// CPU, memory and GPUs: what is asked for, drawn beside what is used and what is left.

import { NumberInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";

import type { ContractView, Resources } from "../../../api/types";
import { Meter } from "../../../components/Meter";
import { useLanguage } from "../../../i18n/useLanguage";
import { formatBytes, formatCores, formatNumber } from "../../../lib/format";
import { contractQuery, limitsOf } from "../../dashboard/queries";
import type { LaunchValues } from "./form";
import classes from "./LaunchForm.module.css";

type SizeKey = "cores" | "memoryGib" | "gpus";

interface Props {
  values: LaunchValues;
  asked: Resources;
  onChange: (part: Partial<LaunchValues>) => void;
  errorAt: (field: string) => string | undefined;
}

const SIZES: { key: SizeKey; resource: keyof Resources; label: "cpu" | "memory" | "gpu"; step: number; decimals: number; least: number; unit?: number }[] = [
  { key: "cores", resource: "cpu_millis", label: "cpu", step: 0.5, decimals: 2, least: 0.1, unit: 1000 },
  { key: "memoryGib", resource: "memory_bytes", label: "memory", step: 1, decimals: 2, least: 0.1 },
  { key: "gpus", resource: "gpus", label: "gpu", step: 1, decimals: 0, least: 0, unit: 1 },
];

export function SizeFields({ values, asked, onChange, errorAt }: Props) {
  const { t } = useTranslation("apps");
  const view = useQuery(contractQuery).data;
  return (
    <fieldset className={classes.group}>
      <legend>{t("new.size")}</legend>
      <div className={classes.sizes}>
        {SIZES.map(({ key, resource, label, step, decimals, least, unit }) => (
          <div key={key} className={classes.size}>
            <NumberInput
              label={t(`new.${label}`)}
              value={values[key]}
              min={least}
              step={step}
              decimalScale={decimals}
              clampBehavior="none"
              allowNegative={false}
              disabled={key === "gpus" && view !== undefined && limitsOf(view).gpus === 0 && values.gpus === 0}
              onChange={(value) => onChange({ [key]: typeof value === "number" ? value : value === "" ? "" : Number(value) })}
              error={errorAt(`resources.${resource}`)}
            />
            {view && <Share resource={resource} asked={asked[resource]} view={view} {...(unit ? { unit } : {})} />}
          </div>
        ))}
      </div>
    </fieldset>
  );
}

interface ShareProps {
  resource: keyof Resources;
  asked: number;
  view: ContractView;
  unit?: number;
}

/** A contract is shared by all of one's apps; without one each app may take the machine. */
function Share({ resource, asked, view, unit }: ShareProps) {
  const { t } = useTranslation("apps");
  const show = useShow(resource);
  const limit = limitsOf(view)[resource];
  const used = view.contract ? view.in_use[resource] : 0;
  if (limit === 0 && asked === 0) return <p>{t("new.no_gpu")}</p>;
  const amount = Number.isFinite(asked) ? asked : 0;
  const remaining = Math.max(0, limit - used);
  const isOver = amount > remaining;
  const words = t(isOver ? "new.too_much" : view.contract ? "new.takes" : "new.takes_of", {
    asked: show(amount),
    left: show(remaining),
    limit: show(limit),
  });
  return (
    <>
      <Meter used={used} asked={amount} limit={limit} {...(unit ? { unit } : {})} label={words} />
      <p data-over={isOver || undefined}>{words}</p>
    </>
  );
}

function useShow(resource: keyof Resources): (value: number) => string {
  const language = useLanguage();
  if (resource === "cpu_millis") return (value) => formatCores(value, language);
  if (resource === "memory_bytes") return (value) => formatBytes(value, language);
  return (value) => formatNumber(value, language);
}
