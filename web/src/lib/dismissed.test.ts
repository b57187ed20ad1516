import { afterEach, expect, test } from "vitest";

import { dismiss, dismissed } from "./dismissed";

afterEach(() => localStorage.clear());

test("what is put away stays away, and what is told no longer is forgotten", () => {
  expect(dismissed()).toEqual([]);
  dismiss("a", ["a", "b", "c"]);
  dismiss("b", ["a", "b", "c"]);
  expect(dismissed()).toEqual(["a", "b"]);
  dismiss("b", ["b", "c"]);
  expect(dismissed()).toEqual(["b"]);
});

test("what something else left there is no list", () => {
  for (const rubbish of ["{", "7", '{"a":1}', "[1]"]) {
    localStorage.setItem("myksc-dismissed", rubbish);
    expect(dismissed()).toEqual([]);
  }
});
