// The login node, entered with a certificate that is minted for five minutes.

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { printVersions, testbed } from "./support/exports.js";
import { run } from "./support/programs.js";

printVersions("ssh");

/** A key with a certificate for kim of that validity (ssh-keygen -V); gives the path of the key. */
async function mint(context, validity) {
  const folder = await mkdtemp(join(tmpdir(), "myksc-ssh-"));
  context.after(() => rm(folder, { recursive: true }));
  const key = join(folder, "key");
  await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", key]);
  await run("ssh-keygen", ["-q", "-s", testbed.SSH_USER_CA, "-I", "smoke", "-n", "kim", "-V", validity, `${key}.pub`]);
  return key;
}

function ssh(key, name, ...command) {
  const options = [
    "BatchMode=yes",
    "IdentitiesOnly=yes",
    "IdentityAgent=none",
    "StrictHostKeyChecking=yes",
    `UserKnownHostsFile=${testbed.SSH_KNOWN_HOSTS}`,
    "GlobalKnownHostsFile=/dev/null",
    "ConnectTimeout=10",
  ];
  const place = ["-F", "none", "-p", testbed.SSH_PORT, "-i", key, `${name}@${testbed.SSH_HOST}`];
  return run("ssh", [...options.flatMap((option) => ["-o", option]), ...place, ...command]);
}

test("a certificate lets kim in, who submits a job there", async (context) => {
  const key = await mint(context, "-1m:+5m");
  assert.equal(await ssh(key, "kim", "id -un"), "kim\n");
  assert.match(await ssh(key, "kim", "sbatch --parsable --wait --output=/dev/null --wrap=true"), /^\d+\n$/);
});

test("kim's certificate does not let anybody in as lee", async (context) => {
  await assert.rejects(ssh(await mint(context, "-1m:+5m"), "lee", "true"), /Permission denied/);
});

test("a certificate whose time is over lets nobody in", async (context) => {
  await assert.rejects(ssh(await mint(context, "-10m:-5m"), "kim", "true"), /Permission denied/);
});
