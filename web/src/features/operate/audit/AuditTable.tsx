// The entries of the audit log. What stands in a cell can be pressed to see only its like.

import { UnstyledButton } from "@mantine/core";
import { useTranslation } from "react-i18next";

import type { AuditRecord } from "../../../api/types";
import { PhaseMark } from "../../../components/PhaseMark";
import { useLanguage } from "../../../i18n/useLanguage";
import { formatDateTime } from "../../../lib/format";
import table from "../Table.module.css";
import { NOT_ENDED, outcomeTone, type AuditFilters } from "./filters";
import { useActionText } from "./useActionText";
import { useOutcomeText } from "./useOutcomeText";
import classes from "./Audit.module.css";

const SHAPES = { ready: "dot", fail: "triangle", busy: "half" } as const;

interface Props {
  entries: readonly AuditRecord[];
  onFilter: (part: AuditFilters) => void;
}

export function AuditTable({ entries, onFilter }: Props) {
  const { t } = useTranslation("operate");
  return (
    <div className={table.frame}>
      <table className={table.table} aria-label={t("audit.title")}>
        <thead>
          <tr>
            {(["at", "actor", "action", "object", "outcome", "address"] as const).map((column) => (
              <th key={column} scope="col">
                {t(`audit.${column}`)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {entries.map((entry) => (
            <AuditRow key={entry.id} entry={entry} onFilter={onFilter} />
          ))}
        </tbody>
      </table>
      {entries.length === 0 && <p className={table.none}>{t("audit.none")}</p>}
    </div>
  );
}

function AuditRow({ entry, onFilter }: { entry: AuditRecord; onFilter: Props["onFilter"] }) {
  const { t } = useTranslation("operate");
  const language = useLanguage();
  const actionText = useActionText();
  const outcomeText = useOutcomeText();
  const tone = outcomeTone(entry.outcome);
  const only = (shown: string, part: AuditFilters) => (
    <UnstyledButton className={classes.only} title={t("audit.only", { what: shown })} onClick={() => onFilter(part)}>
      {shown}
    </UnstyledButton>
  );
  return (
    <tr>
      <td data-label={t("audit.at")} className={table.number}>
        <time dateTime={entry.at}>{formatDateTime(entry.at, language)}</time>
      </td>
      <td data-label={t("audit.actor")}>{entry.actor && only(entry.actor, { actor: entry.actor })}</td>
      <td data-label={t("audit.action")}>{only(actionText(entry.action), { action: entry.action })}</td>
      <td data-label={t("audit.object")}>{entry.object && only(entry.object, { object: entry.object })}</td>
      <td data-label={t("audit.outcome")}>
        <PhaseMark tone={tone} shape={SHAPES[tone]}>
          {only(outcomeText(entry.outcome), { outcome: entry.outcome ?? NOT_ENDED })}
        </PhaseMark>
      </td>
      <td data-label={t("audit.address")} className={table.number}>
        {entry.address || t("audit.here")}
      </td>
    </tr>
  );
}
