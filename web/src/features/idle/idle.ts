// When a session that nobody uses ends, and when its person is asked.

import { toLocal } from "../../api/clock";
import type { Session } from "../../api/types";

export const WARN_MS = 60_000;

export type Idle =
  | { kind: "never" }
  /** Nothing to say yet; worth a look after a while. */
  | { kind: "quiet"; lookInMs: number }
  | { kind: "ending"; leftSecs: number }
  | { kind: "over" };

export function idleAt(endsAt: number | null, now: number): Idle {
  if (endsAt === null) return { kind: "never" };
  const left = endsAt - now;
  if (left > WARN_MS) return { kind: "quiet", lookInMs: left - WARN_MS };
  return left > 0 ? { kind: "ending", leftSecs: Math.ceil(left / 1000) } : { kind: "over" };
}

/** The end on this machine's clock; null where the session does not end by itself. */
export function idleEnd(session: Session | null): number | null {
  return session?.idle_ends_at ? toLocal(session.idle_ends_at) : null;
}

/** True where use does not put the end off any more: the session has lasted as long as one may. */
export function isAtLimit(session: Session): boolean {
  return Boolean(session.idle_ends_at) && Date.parse(session.idle_ends_at!) >= Date.parse(session.expires_at);
}

/** What a screen reader says of the countdown: at its beginning, at half a minute, at ten seconds. */
export function announcedSecs(leftSecs: number): number {
  if (leftSecs <= 10) return 10;
  return leftSecs <= 30 ? 30 : 60;
}
