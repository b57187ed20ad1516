// One entry of a folder.

import { Checkbox } from "@mantine/core";
import type { MouseEvent } from "react";
import { useTranslation } from "react-i18next";

import type { Entry } from "../../api/types";
import { Moment } from "../../components/Moment";
import { useLanguage } from "../../i18n/useLanguage";
import { formatBytes } from "../../lib/format";
import { Icon, type IconName } from "../../ui/icons";
import { extendTo, toggle, type Selection } from "./selection";
import { isFolder } from "./sort";
import classes from "./FileList.module.css";

interface Props {
  index: number;
  top: number;
  entry: Entry;
  paths: readonly string[];
  selection: Selection;
  onSelection: (selection: Selection) => void;
  onOpen: (entry: Entry) => void;
}

export function FileRow({ index, top, entry, paths, selection, onSelection, onOpen }: Props) {
  const { t } = useTranslation("files");
  const language = useLanguage();
  const isChosen = selection.chosen.has(entry.path);
  const choose = (event: MouseEvent) =>
    onSelection(event.shiftKey ? extendTo(selection, index, paths) : toggle(selection, index, paths));
  const press = (event: MouseEvent) => {
    if (event.shiftKey || event.ctrlKey || event.metaKey) choose(event);
    else onOpen(entry);
  };
  return (
    <div
      id={`entry-${index}`}
      role="row"
      aria-rowindex={index + 2}
      aria-selected={isChosen}
      className={classes.row}
      data-cursor={selection.cursor === index || undefined}
      style={{ transform: `translateY(${top}px)` }}
    >
      <span role="gridcell" className={classes.check}>
        <Checkbox size="xs" aria-label={t("choose", { name: entry.name })} checked={isChosen} onClick={choose} onChange={() => undefined} tabIndex={-1} />
      </span>
      <span role="gridcell" className={classes.name}>
        <button type="button" onClick={press} tabIndex={-1} title={entry.name}>
          <Icon name={iconOf(entry)} className={classes.icon} data-folder={isFolder(entry) || undefined} />
          <span>{entry.name}</span>
        </button>
      </span>
      <span role="gridcell" className={classes.size_bytes}>
        {isFolder(entry) ? "–" : formatBytes(entry.size_bytes, language)}
      </span>
      <span role="gridcell" className={classes.modified_at}>
        <Moment at={entry.modified_at} />
      </span>
    </div>
  );
}

function iconOf(entry: Entry): IconName {
  if (isFolder(entry)) return "folder";
  return entry.kind === "link" ? "link" : "file";
}
