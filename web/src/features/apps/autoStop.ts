// The end that the portal gives an app by itself: when it is, and how it is said.

import { toLocal } from "../../api/clock";
import type { App } from "../../api/types";
import { formatSpan, type Language } from "../../lib/format";

type Stoppable = Pick<App, "phase" | "auto_stop">;

/** Seconds until an announced end, at least 0; null where none is announced. */
export function leftSecs(app: Stoppable, now: number): number | null {
  if (!app.auto_stop || app.phase !== "ready") return null;
  return Math.max(0, Math.ceil((toLocal(app.auto_stop.at) - now) / 1000));
}

/** The app whose announced end comes first. */
export function nextToStop<T extends Stoppable>(apps: readonly T[]): T | undefined {
  const announced = apps.filter((app) => app.auto_stop && app.phase === "ready");
  return announced.toSorted((one, other) => Date.parse(one.auto_stop!.at) - Date.parse(other.auto_stop!.at))[0];
}

/** In whole minutes as long as seconds are of no interest: `12 min`, `1 min 30 sec`. */
export function countdown(secs: number, language: Language): string {
  return formatSpan(secs > 120 ? Math.ceil(secs / 60) * 60 : secs, language);
}
