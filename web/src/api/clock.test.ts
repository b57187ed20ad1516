import { afterEach, expect, test } from "vitest";

import { learnClock, toLocal } from "./clock";

const now = Date.parse("2026-11-24T10:00:00Z");

afterEach(() => learnClock(new Date(now).toUTCString(), now));

test("clocks that agree to a second are taken for equal", () => {
  learnClock(new Date(now - 900).toUTCString(), now);
  expect(toLocal("2026-11-24T10:05:00Z")).toBe(now + 300_000);
});

test("a moment of a portal five minutes ahead comes five minutes earlier here", () => {
  learnClock(new Date(now + 300_000).toUTCString(), now);
  expect(Math.abs(toLocal("2026-11-24T10:10:00Z") - (now + 300_000))).toBeLessThan(1_000);
});

test("an answer without a date changes nothing", () => {
  learnClock(null, now);
  learnClock("soon", now);
  expect(toLocal("2026-11-24T10:00:00Z")).toBe(now);
});
