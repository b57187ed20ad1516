// What the quick search finds.

export type EntryKind = "page" | "app" | "job" | "action";

export interface SearchEntry {
  id: string;
  kind: EntryKind;
  label: string;
  /** More words that find it. */
  words?: string;
  /** Where it leads; entries without an address do something instead. */
  href?: string;
  /** Window of its own, as the dashboard's cards have. */
  target?: string;
  act?: () => void;
}

const MOST_SHOWN = 12;

/** The entries that hold every word of the search; those that begin with it come first. */
export function findEntries(entries: SearchEntry[], search: string): SearchEntry[] {
  const wanted = fold(search).split(/\s+/).filter(Boolean);
  const ranked = entries
    .filter((entry) => wanted.every((word) => fold(`${entry.label} ${entry.words ?? ""}`).includes(word)))
    .map((entry, index) => ({ entry, index, rank: wanted[0] && fold(entry.label).startsWith(wanted[0]) ? 0 : 1 }));
  return ranked
    .toSorted((a, b) => a.rank - b.rank || a.index - b.index)
    .slice(0, MOST_SHOWN)
    .map(({ entry }) => entry);
}

/** Text as it is compared: composed Hangul, no difference of case. */
function fold(text: string): string {
  return text.normalize("NFC").toLocaleLowerCase();
}
