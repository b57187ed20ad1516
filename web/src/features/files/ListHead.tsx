// The heads of the columns; a press sorts.

import { Checkbox } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { nextOrder, type Order, type SortKey } from "./sort";
import classes from "./FileList.module.css";

interface Props {
  order: Order;
  onOrder: (order: Order) => void;
  isAll: boolean;
  isSome: boolean;
  onAll: () => void;
}

const COLUMNS: readonly SortKey[] = ["name", "size_bytes", "modified_at"];

export function ListHead({ order, onOrder, isAll, isSome, onAll }: Props) {
  const { t } = useTranslation("files");
  return (
    <div role="rowgroup" className={classes.head}>
      <div role="row" className={classes.row}>
        <span role="columnheader" className={classes.check}>
          <Checkbox size="xs" aria-label={t("choose_all")} checked={isAll} indeterminate={isSome && !isAll} onChange={onAll} tabIndex={-1} />
        </span>
        {COLUMNS.map((key) => (
          <span key={key} role="columnheader" className={classes[key]} aria-sort={ariaSort(order, key)}>
            <button type="button" onClick={() => onOrder(nextOrder(order, key))} tabIndex={-1}>
              {t(`column.${key}`)}
              <span aria-hidden="true">{order.key === key ? (order.descending ? " ↓" : " ↑") : ""}</span>
            </button>
          </span>
        ))}
      </div>
    </div>
  );
}

function ariaSort(order: Order, key: SortKey): "ascending" | "descending" | "none" {
  if (order.key !== key) return "none";
  return order.descending ? "descending" : "ascending";
}
