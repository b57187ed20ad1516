// The keyboard in a list of files: arrows, Home, End, type to jump, Space, Enter, F2, Delete.

import { useRef, type KeyboardEvent } from "react";

import type { Entry } from "../../api/types";
import type { DialogName } from "./dialogs/FileDialogs";
import { all, findTyped, moveTo, NOTHING, toggle, type Selection } from "./selection";

const TYPING_PAUSE_MS = 800;

interface Props {
  entries: readonly Entry[];
  paths: readonly string[];
  selection: Selection;
  pageRows: number;
  onSelection: (selection: Selection) => void;
  onOpen: (entry: Entry) => void;
  onDialog: (dialog: DialogName) => void;
  scrollTo: (index: number) => void;
}

export function useListKeys(props: Props): (event: KeyboardEvent<HTMLElement>) => void {
  const typing = useRef({ text: "", atMs: 0 });

  return (event) => {
    if (event.nativeEvent.isComposing || event.target !== event.currentTarget) return;
    const isDone = steps(props, event) || acts(props, event) || jumps(props, event, typing.current);
    if (isDone) event.preventDefault();
  };
}

function steps({ selection, paths, pageRows, onSelection, scrollTo }: Props, event: KeyboardEvent): boolean {
  const offsets: Record<string, number> = {
    ArrowDown: 1,
    ArrowUp: -1,
    PageDown: pageRows,
    PageUp: -pageRows,
    Home: -paths.length,
    End: paths.length,
  };
  const offset = offsets[event.key];
  if (offset === undefined) return false;
  const next = moveTo(selection, Math.max(selection.cursor, offset < 0 ? 0 : -1) + offset, paths, event.shiftKey);
  onSelection(next);
  scrollTo(next.cursor);
  return true;
}

function acts({ entries, paths, selection, onSelection, onOpen, onDialog }: Props, event: KeyboardEvent): boolean {
  const entry = entries[selection.cursor];
  const isCommand = event.ctrlKey || event.metaKey;
  if (isCommand && event.key === "a") onSelection(all(selection, paths));
  else if (event.key === "Escape") onSelection({ ...selection, chosen: NOTHING.chosen });
  else if (!entry) return false;
  else if (event.key === "Enter") onOpen(entry);
  else if (event.key === " " && isCommand) onSelection(toggle(selection, selection.cursor, paths));
  else if (event.key === " ") onDialog({ name: "preview", entry });
  else if (event.key === "F2") onDialog({ name: "rename" });
  else if (event.key === "Delete") onDialog({ name: "remove" });
  else return false;
  return true;
}

function jumps({ entries, selection, onSelection, paths, scrollTo }: Props, event: KeyboardEvent, typing: { text: string; atMs: number }): boolean {
  if (event.key.length !== 1 || event.ctrlKey || event.metaKey || event.altKey) return false;
  const isFresh = event.timeStamp - typing.atMs > TYPING_PAUSE_MS;
  typing.text = isFresh ? event.key : typing.text + event.key;
  typing.atMs = event.timeStamp;
  const from = selection.cursor + (isFresh ? 1 : 0);
  const found = findTyped(entries.map((entry) => entry.name), Math.max(from, 0), typing.text);
  if (found < 0) return false;
  onSelection(moveTo(selection, found, paths, false));
  scrollTo(found);
  return true;
}
