// The entries of a folder: at home with a hundred thousand, by pointer, finger and keyboard.

import { Skeleton } from "@mantine/core";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useRef } from "react";
import { useTranslation } from "react-i18next";

import type { Entry } from "../../api/types";
import { useLanguage } from "../../i18n/useLanguage";
import { formatNumber } from "../../lib/format";
import type { DialogName } from "./dialogs/FileDialogs";
import { FileRow } from "./FileRow";
import { ListHead } from "./ListHead";
import { all, NOTHING, type Selection } from "./selection";
import type { Order } from "./sort";
import { useListKeys } from "./useListKeys";
import classes from "./FileList.module.css";

const ROW_PX = 40;

interface Props {
  entries: readonly Entry[];
  isLoading: boolean;
  isGrowing: boolean;
  order: Order;
  onOrder: (order: Order) => void;
  selection: Selection;
  onSelection: (selection: Selection) => void;
  onOpen: (entry: Entry) => void;
  onDialog: (dialog: DialogName) => void;
}

export function FileList(props: Props) {
  const { entries, isLoading, isGrowing, order, onOrder, selection, onSelection, onOpen } = props;
  const { t } = useTranslation("files");
  const language = useLanguage();
  const scroller = useRef<HTMLDivElement>(null);
  // oxlint-disable-next-line react/incompatible-library -- nothing here is compiled to memoise
  const rows = useVirtualizer({
    count: entries.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_PX,
    overscan: 12,
  });
  const paths = entries.map((entry) => entry.path);
  const onKeyDown = useListKeys({ ...props, paths, scrollTo: (index) => rows.scrollToIndex(index), pageRows: pageRows(scroller.current) });
  const chooseAll = () => onSelection(selection.chosen.size === paths.length ? { ...selection, chosen: NOTHING.chosen } : all(selection, paths));

  if (isLoading) return <Waiting />;
  if (entries.length === 0) return <Nothing />;
  return (
    <div className={classes.frame}>
      <div
        ref={scroller}
        className={classes.scroller}
        role="grid"
        aria-label={t("list")}
        aria-multiselectable="true"
        aria-rowcount={entries.length + 1}
        aria-activedescendant={selection.cursor >= 0 ? `entry-${selection.cursor}` : undefined}
        tabIndex={0}
        onKeyDown={onKeyDown}
      >
        <ListHead order={order} onOrder={onOrder} isAll={selection.chosen.size === paths.length} isSome={selection.chosen.size > 0} onAll={chooseAll} />
        <div role="rowgroup" className={classes.rows} style={{ blockSize: rows.getTotalSize() }}>
          {rows.getVirtualItems().map((row) => (
            <FileRow
              key={paths[row.index]}
              index={row.index}
              top={row.start}
              entry={entries[row.index]!}
              paths={paths}
              selection={selection}
              onSelection={onSelection}
              onOpen={onOpen}
            />
          ))}
        </div>
      </div>
      <p className={classes.count} role="status">
        {t(isGrowing ? "count_growing" : "count", { count: entries.length, shown: formatNumber(entries.length, language) })}
      </p>
    </div>
  );
}

function pageRows(scroller: HTMLElement | null): number {
  return Math.max(1, Math.floor((scroller?.clientHeight ?? 400) / ROW_PX) - 2);
}

function Waiting() {
  const { t } = useTranslation();
  return (
    <div className={classes.frame} aria-busy="true" aria-label={t("loading")}>
      {Array.from({ length: 8 }, (_, index) => (
        <Skeleton key={index} height={18} my={11} mx={16} width={`${70 - index * 5}%`} />
      ))}
    </div>
  );
}

function Nothing() {
  const { t } = useTranslation("files");
  return (
    <div className={classes.nothing}>
      <p>{t("empty.title")}</p>
      <p className="muted">{t("empty.text")}</p>
    </div>
  );
}
