// The words that testbed/testbed takes.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const TESTBED = fileURLToPath(new URL("../../testbed/testbed", import.meta.url));
const NOWHERE = { ...process.env, MYKSC_TESTBED_STATE: "/nonexistent" };

const testbed = (...args) => spawnSync(TESTBED, args, { env: NOWHERE, encoding: "utf8" });

test("a part goes by its other name, too", () => {
  assert.equal(testbed("status", "slurm", "ldap").stdout, "slurm       down\npeople      down\n");
});

test("a name that is no part's is refused with those there are", () => {
  const { status, stderr } = testbed("up", "pbs");
  assert.equal(status, 1);
  assert.match(stderr, /no part is called pbs; there are: network storage people /);
});
