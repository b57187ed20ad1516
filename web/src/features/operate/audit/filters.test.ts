import { expect, test } from "vitest";

import { exportAddress, NOT_ENDED, outcomeTone, readFilters, toQuery, withChange } from "./filters";

test("the address gives filters, and what is none is left out", () => {
  expect(readFilters({ actor: " kim ", action: "", object: 42, outcome: "done", from: "2026-11-24", to: "tomorrow", page: "3" })).toEqual({
    actor: "kim",
    object: "42",
    outcome: "done",
    from: "2026-11-24",
  });
  expect(readFilters({ from: "2026-02-30", to: ["2026-01-01"], actor: { $: 1 } })).toEqual({});
});

test("a change empties a filter or sets it, and keeps the others", () => {
  expect(withChange({ actor: "kim", action: "sign_in" }, { actor: "", object: "lab" })).toEqual({ action: "sign_in", object: "lab" });
});

test("days count whole, where the reader is", () => {
  const { from, to } = toQuery({ from: "2026-11-24", to: "2026-11-24" });
  expect(new Date(from!)).toEqual(new Date(2026, 10, 24));
  expect(new Date(to!)).toEqual(new Date(2026, 10, 25));
});

test("acts that did not end are asked for by an empty outcome", () => {
  expect(toQuery({ outcome: NOT_ENDED })).toEqual({ outcome: "" });
  expect(toQuery({})).toEqual({});
});

test("the export takes the same filters", () => {
  expect(exportAddress({})).toBe("/api/v1/audit/export");
  expect(exportAddress({ actor: "kim & co", outcome: NOT_ENDED })).toBe("/api/v1/audit/export?actor=kim+%26+co&outcome=");
});

test("an outcome is done, not ended, or a refusal", () => {
  expect([outcomeTone("done"), outcomeTone(null), outcomeTone("forbidden")]).toEqual(["ready", "busy", "fail"]);
});
