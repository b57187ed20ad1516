// Which entries are chosen and which one the keyboard stands on.

export interface Selection {
  /** Paths that are chosen. */
  chosen: ReadonlySet<string>;
  /** Index the keyboard stands on; -1 before the first key. */
  cursor: number;
  /** Where a range with Shift begins. */
  anchor: number;
}

export const NOTHING: Selection = { chosen: new Set(), cursor: -1, anchor: -1 };

export function moveTo(selection: Selection, index: number, paths: readonly string[], extend: boolean): Selection {
  const cursor = Math.max(0, Math.min(paths.length - 1, index));
  if (!extend) return { ...selection, cursor, anchor: cursor };
  const anchor = selection.anchor < 0 ? cursor : selection.anchor;
  return { chosen: new Set(range(paths, anchor, cursor)), cursor, anchor };
}

export function toggle(selection: Selection, index: number, paths: readonly string[]): Selection {
  const path = paths[index];
  if (path === undefined) return selection;
  const chosen = new Set(selection.chosen);
  if (!chosen.delete(path)) chosen.add(path);
  return { chosen, cursor: index, anchor: index };
}

export function extendTo(selection: Selection, index: number, paths: readonly string[]): Selection {
  const anchor = selection.anchor < 0 ? index : selection.anchor;
  return { chosen: new Set([...selection.chosen, ...range(paths, anchor, index)]), cursor: index, anchor };
}

export function all(selection: Selection, paths: readonly string[]): Selection {
  return { ...selection, chosen: new Set(paths) };
}

/** What is left of it when the folder's entries change. */
export function keepKnown(selection: Selection, paths: readonly string[]): Selection {
  const known = new Set(paths);
  const chosen = new Set([...selection.chosen].filter((path) => known.has(path)));
  return chosen.size === selection.chosen.size ? selection : { ...selection, chosen };
}

/** The next entry whose name begins with what was typed, from the cursor on and round again. */
export function findTyped(names: readonly string[], from: number, typed: string): number {
  const wanted = typed.toLocaleLowerCase();
  for (let step = 0; step < names.length; step += 1) {
    const index = (from + step + names.length) % names.length;
    if (names[index]!.toLocaleLowerCase().startsWith(wanted)) return index;
  }
  return -1;
}

function range(paths: readonly string[], from: number, to: number): string[] {
  return paths.slice(Math.min(from, to), Math.max(from, to) + 1);
}
