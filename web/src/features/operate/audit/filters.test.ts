import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

import en from "../../../i18n/en/operate.json";
import ko from "../../../i18n/ko/operate.json";
import { exportAddress, NOT_ENDED, OUTCOMES, outcomeTone, readFilters, toQuery, withChange } from "./filters";

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
  expect([outcomeTone("done"), outcomeTone(null), outcomeTone("too_many")]).toEqual(["ready", "busy", "fail"]);
});

test("each outcome that can be chosen has a text, and is one that the log can hold", () => {
  const identity = join(import.meta.dirname, "../../../../../crates/identity/src");
  const paths = readdirSync(identity, { recursive: true, encoding: "utf8" }).filter((path) => path.endsWith(".rs") && !path.endsWith("tests.rs"));
  const codes = paths.flatMap((path) => {
    // What the log calls each kind of error, and the codes of refusals that stand in it as they are.
    const form = path === "audit.rs" ? /(?:=>|map_or\() ?"(\w+)"/g : /(?:\bcode:|\brefused\() ?"(\w+)"/g;
    return Array.from(readFileSync(join(identity, path), "utf8").matchAll(form), (found) => found[1]);
  });
  expect(OUTCOMES.filter((outcome) => outcome !== NOT_ENDED && !codes.includes(outcome))).toEqual([]);
  for (const texts of [en.outcome, ko.outcome]) {
    expect(Object.keys(texts).toSorted()).toEqual([...OUTCOMES].toSorted());
  }
});
