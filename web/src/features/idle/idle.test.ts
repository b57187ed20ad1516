import { expect, test } from "vitest";

import type { Session } from "../../api/types";
import { announcedSecs, idleAt, idleEnd, isAtLimit } from "./idle";

const now = Date.parse("2026-11-24T10:00:00Z");
const at = (secs: number) => new Date(now + secs * 1000).toISOString();
const session = (idle: number | null, limit = 3600) => ({ idle_ends_at: idle === null ? null : at(idle), expires_at: at(limit) }) as Session;

test("the person is asked a minute before the end, counted up to whole seconds", () => {
  expect(idleAt(now + 600_000, now)).toEqual({ kind: "quiet", lookInMs: 540_000 });
  expect(idleAt(now + 60_000, now)).toEqual({ kind: "ending", leftSecs: 60 });
  expect(idleAt(now + 200, now)).toEqual({ kind: "ending", leftSecs: 1 });
  expect(idleAt(now, now)).toEqual({ kind: "over" });
});

test("a session without an idle end is never asked about", () => {
  expect(idleAt(idleEnd(session(null)), now)).toEqual({ kind: "never" });
  expect(idleAt(idleEnd(null), now)).toEqual({ kind: "never" });
});

test("the longest time a session may last can't be put off", () => {
  expect(isAtLimit(session(60, 3600))).toBe(false);
  expect(isAtLimit(session(60, 60))).toBe(true);
});

test("a screen reader hears three numbers, not sixty", () => {
  const heard = Array.from({ length: 60 }, (_, passed) => announcedSecs(60 - passed));
  expect([...new Set(heard)]).toEqual([60, 30, 10]);
});
