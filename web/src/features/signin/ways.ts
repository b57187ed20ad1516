// Which ways in are offered, and which of them is chosen.

import type { Way } from "../../api/types";

const KEPT_AS = "myksc-way";

/** The ways by kind; of one account only the one it has, where the portal still offers it. */
export function orderedWays(ways: readonly Way[], provider: string | undefined): { passwords: Way[]; redirects: Way[] } {
  const own = ways.filter(({ id }) => id === provider);
  const offered = own.length > 0 ? own : ways;
  return {
    passwords: offered.filter(({ kind }) => kind === "password"),
    redirects: offered.filter(({ kind }) => kind === "redirect"),
  };
}

/** What is picked here, what was picked last time in this browser, or the first that answers. */
export function chosenWay(ways: readonly Way[], picked: string | null, kept = keptChoice()): Way | undefined {
  const byId = (id: string | null) => ways.find((way) => way.id === id);
  return byId(picked) ?? byId(kept) ?? ways.find(({ available }) => available !== false) ?? ways[0];
}

export function keepChoice(id: string): void {
  try {
    localStorage.setItem(KEPT_AS, id);
  } catch {
    // A browser that keeps nothing proposes the first.
  }
}

/** Where a redirect begins, and what it comes back to. */
export function startOf(way: Way, next: string): string {
  const start = way.start ?? `/oidc/${encodeURIComponent(way.id)}/start`;
  return `${start}?next=${encodeURIComponent(next)}`;
}

function keptChoice(): string | null {
  try {
    return localStorage.getItem(KEPT_AS);
  } catch {
    return null;
  }
}
