import { expect, test } from "vitest";

import type { App } from "../../api/types";
import { countdown, leftSecs, nextToStop } from "./autoStop";

const now = Date.parse("2026-11-28T10:00:00Z");
const at = (secs: number) => new Date(now + secs * 1000).toISOString();
const app = (phase: App["phase"], endsIn: number | null) =>
  ({ phase, auto_stop: endsIn === null ? null : { cause: "idle", at: at(endsIn), since: at(-3600) } }) as App;

test("an end is counted down to while the app runs, never below nothing", () => {
  expect(leftSecs(app("ready", null), now)).toBeNull();
  expect(leftSecs(app("ready", 719.2), now)).toBe(720);
  expect(leftSecs(app("ready", -3), now)).toBe(0);
  expect(leftSecs(app("stopped", 0), now)).toBeNull();
});

test("of several ends the next one is told", () => {
  const [late, soon] = [app("ready", 600), app("ready", 60)];
  expect(nextToStop([app("ready", null), late, app("stopped", -9), soon])).toBe(soon);
  expect(nextToStop([])).toBeUndefined();
});

test("minutes are whole until seconds matter", () => {
  const spans = [7200, 690, 121, 120, 75, 9].map((secs) => countdown(secs, "en"));
  expect(spans).toEqual(["2 hr", "12 min", "3 min", "2 min", "1 min 15 sec", "9 sec"]);
  expect(countdown(690, "ko")).toBe("12분");
});
