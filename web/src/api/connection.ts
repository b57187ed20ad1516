// Whether the portal answers. While it is away a banner says so and it is asked again, ever more slowly.

import { createStore } from "../lib/store";

const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 20_000;

export interface Connection {
  away: boolean;
  asking: boolean;
}

export const connection = createStore<Connection>({ away: false, asking: false });

const returns = new Set<() => void>();
let timer: ReturnType<typeof setTimeout> | undefined;
let waitMs = FIRST_WAIT_MS;

/** Calls back each time the portal answers again after it was away. */
export function onReturn(listener: () => void): () => void {
  returns.add(listener);
  return () => returns.delete(listener);
}

export function portalIsAway(): void {
  if (connection.get().away) return;
  connection.set({ away: true, asking: false });
  waitMs = FIRST_WAIT_MS;
  askLater();
}

export function portalAnswered(): void {
  if (!connection.get().away) return;
  clearTimeout(timer);
  connection.set({ away: false, asking: false });
  for (const listener of returns) listener();
}

export async function askNow(): Promise<void> {
  clearTimeout(timer);
  connection.set({ away: true, asking: true });
  try {
    const answer = await fetch("/api/v1/site", { signal: AbortSignal.timeout(10_000), cache: "no-store" });
    if (answer.ok) return portalAnswered();
  } catch {
    // Still away; the next try is set below.
  }
  connection.set({ away: true, asking: false });
  askLater();
}

function askLater(): void {
  clearTimeout(timer);
  timer = setTimeout(() => void askNow(), waitMs);
  waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS);
}
