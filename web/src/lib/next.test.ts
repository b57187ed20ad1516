import { expect, test } from "vitest";

import { needsNavigation, safeNext } from "./next";

const origin = "http://localhost:8080";

test("a path of this portal is kept with its query", () => {
  expect(safeNext("/apps/a1?tab=log#end", origin)).toBe("/apps/a1?tab=log#end");
  expect(safeNext("/open/a234?n=00ff&to=%2Flab", origin)).toBe("/open/a234?n=00ff&to=%2Flab");
});

test.each([
  "https://evil.example/",
  "//evil.example/",
  "/\\evil.example/",
  "/\t/evil.example/",
  "/.//evil.example",
  "javascript:alert(1)",
  "evil",
  "",
  undefined,
  ["/a"],
  "/sign-in?next=/sign-in",
])("%j leads to the dashboard", (next) => {
  expect(safeNext(next, origin)).toBe("/");
});

test("the door to an app is the portal's to serve", () => {
  expect(needsNavigation("/open/a234?n=1")).toBe(true);
  expect(needsNavigation("/opening")).toBe(false);
  expect(needsNavigation("/apps/new")).toBe(false);
});
