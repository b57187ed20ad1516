// Waiting for a condition.

import { setTimeout } from "node:timers/promises";

/**
 * Asks `check` again and again until it gives something truthy, which is returned; fails with `what` after
 * `limitMs`. An error of `check` counts as "not yet" and is told when time is up.
 */
export async function until(what, check, { limitMs = 30_000, everyMs = 50 } = {}) {
  const deadline = Date.now() + limitMs;
  let last;
  for (;;) {
    try {
      const found = await check();
      if (found) return found;
      last = found;
    } catch (error) {
      last = error;
    }
    if (Date.now() >= deadline) throw new Error(`waited ${limitMs} ms for: ${what}`, { cause: last });
    await setTimeout(everyMs);
  }
}
