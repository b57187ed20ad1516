import { expect, test } from "vitest";

import { findEntries, type SearchEntry } from "./entries";

const entries: SearchEntry[] = [
  { id: "1", kind: "page", label: "Jobs" },
  { id: "2", kind: "app", label: "my-jobs-lab", words: "JupyterLab" },
  { id: "3", kind: "job", label: "결과 분석", words: "short" },
];

const found = (search: string) => findEntries(entries, search).map(({ id }) => id);

test("what begins with the word stands before what holds it", () => {
  expect(found("JOBS")).toEqual(["1", "2"]);
});

test("every word has to be there, in the label or beside it", () => {
  expect(found("lab jupyter")).toEqual(["2"]);
  expect(found("lab short")).toEqual([]);
});

test("Hangul is found however it was composed", () => {
  expect(found("결과".normalize("NFD"))).toEqual(["3"]);
});

test("an empty search shows what there is", () => {
  expect(found("  ")).toEqual(["1", "2", "3"]);
});
