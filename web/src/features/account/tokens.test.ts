import { expect, test } from "vitest";

import { offeredScopes, reachesFilesAnyway, readNetworks } from "./tokens";

test("only operators are offered what operators do", () => {
  expect(offeredScopes("operator")).toContain("admin");
  for (const role of ["user", "project_leader", "support", undefined]) expect(offeredScopes(role)).not.toContain("admin");
});

test("a token that runs code reaches files, whether it may or not", () => {
  expect(reachesFilesAnyway(["read", "jobs"])).toBe(true);
  expect(reachesFilesAnyway(["apps", "files"])).toBe(false);
  expect(reachesFilesAnyway(["read"])).toBe(false);
});

test("networks are read however they are set apart, each once", () => {
  expect(readNetworks(" 192.0.2.0/24, 198.51.100.7\n2001:db8::/32  192.0.2.0/24")).toEqual(["192.0.2.0/24", "198.51.100.7", "2001:db8::/32"]);
  expect(readNetworks("  ")).toEqual([]);
});
