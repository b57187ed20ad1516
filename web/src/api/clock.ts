// The portal's clock, where it differs from this machine's.

/** The header tells whole seconds, and an answer takes a while: less than this is no difference. */
const SAME_MS = 2_000;

let aheadMs = 0;

/** Learns from the `Date` of an answer. */
export function learnClock(header: string | null, now = Date.now()): void {
  const theirs = Date.parse(header ?? "");
  if (Number.isNaN(theirs)) return;
  const ahead = theirs + 500 - now;
  aheadMs = Math.abs(ahead) < SAME_MS ? 0 : ahead;
}

/** A moment of the portal as this machine's clock will show it. */
export function toLocal(at: string): number {
  return Date.parse(at) - aheadMs;
}
