// Raising what is up changes nothing; a daemon that died comes back, and it alone.

import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { test } from "node:test";

import { printVersions, root, testbed } from "./support/exports.js";
import { run } from "./support/programs.js";
import { until } from "../browser/support/until.js";

printVersions("people", "keycloak");

const up = () => run(`${root}/testbed/testbed`, ["up", "people", "keycloak"], { limitMs: 180_000 });

/** Process id and start by daemon, as the testbed has them on record. */
async function daemons() {
  const names = (await readdir(testbed.DAEMONS)).sort();
  return Object.fromEntries(await Promise.all(names.map(async (name) => [name, await readFile(`${testbed.DAEMONS}/${name}`, "utf8")])));
}

test("what is up stays as it is when it is raised once more", { timeout: 200_000 }, async (context) => {
  const before = await daemons();
  assert.ok(["slapd", "keycloak"].every((name) => name in before), Object.keys(before).join());
  const start = Date.now();
  await up();
  context.diagnostic(`raised once more in ${Date.now() - start} ms`);
  assert.deepEqual(await daemons(), before);
});

test("a daemon that died is started again, and no other", { timeout: 200_000 }, async () => {
  const before = await daemons();
  const pid = Number.parseInt(before.slapd, 10);
  process.kill(pid, "SIGKILL");
  await until("slapd is dead", async () => !(await run("ps", ["-e", "-o", "pid=,stat="])).split("\n").some((line) => new RegExp(`^ *${pid} [^Z]`).test(line)));
  await assert.rejects(run(`${root}/testbed/testbed`, ["status", "people"]), /people +broken/);
  await up();
  const { slapd, ...others } = await daemons();
  assert.notEqual(slapd, before.slapd);
  delete before.slapd;
  assert.deepEqual(others, before);
  assert.match(await run(`${root}/testbed/testbed`, ["status", "people"]), /people +up +OpenLDAP/);
});
