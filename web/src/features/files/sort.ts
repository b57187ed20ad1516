// The order of a folder's entries: folders first, then as the reader's language sorts.

import type { Entry } from "../../api/types";
import type { Language } from "../../lib/format";

export type SortKey = "name" | "size_bytes" | "modified_at";

export interface Order {
  key: SortKey;
  descending: boolean;
}

export const BY_NAME: Order = { key: "name", descending: false };

/** Whether opening it shows a folder. */
export function isFolder(entry: Entry): boolean {
  return entry.kind === "folder" || (entry.kind === "link" && entry.target_kind === "folder");
}

/** Whether its name begins with a dot: what programs keep for themselves. */
export function isHidden(entry: Entry): boolean {
  return entry.name.startsWith(".");
}

/** Whether it has bytes to show or fetch. */
export function isFile(entry: Entry): boolean {
  return entry.kind === "file" || (entry.kind === "link" && entry.target_kind === "file");
}

export function sortEntries(entries: readonly Entry[], order: Order, language: Language): Entry[] {
  const collator = new Intl.Collator(language, { numeric: true });
  const sign = order.descending ? -1 : 1;
  return entries.toSorted((a, b) => {
    const folders = Number(isFolder(b)) - Number(isFolder(a));
    if (folders !== 0) return folders;
    return sign * byKey(a, b, order.key, collator) || collator.compare(a.name, b.name);
  });
}

/** The order after a press on a column's head. */
export function nextOrder(order: Order, key: SortKey): Order {
  if (order.key === key) return { key, descending: !order.descending };
  return { key, descending: key !== "name" };
}

function byKey(a: Entry, b: Entry, key: SortKey, collator: Intl.Collator): number {
  if (key === "name") return collator.compare(a.name, b.name);
  if (key === "size_bytes") return a.size_bytes - b.size_bytes;
  return Date.parse(a.modified_at) - Date.parse(b.modified_at);
}
