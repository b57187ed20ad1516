// Jobs of kim's, by sbatch and by the REST daemon.

import assert from "node:assert/strict";
import { readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

import { until } from "../browser/support/until.js";
import { printVersions, testbed } from "./support/exports.js";
import { freshName, run } from "./support/programs.js";

printVersions("slurm");

const KIM = 20001;
const env = { ...process.env, SLURM_CONF: testbed.SLURM_CONF };

/** Runs a program as kim, in her home. */
function asKim(command, ...args) {
  const home = join(testbed.HOME_ROOT, "kim");
  const identity = [`--reuid=${KIM}`, `--regid=${KIM}`, "--init-groups", "--inh-caps=-all", "--"];
  const place = ["env", "-C", home, `HOME=${home}`];
  return run("setpriv", [...identity, ...place, command, ...args], { env });
}

/** A file in the scratch folder that goes when the test ends. */
function scratchFile(context) {
  const path = join(testbed.SCRATCH_ROOT, freshName("smoke"));
  context.after(() => rm(path, { force: true }));
  return path;
}

/** What accounting says of a job, once it says that it has ended. */
function accountOf(job) {
  return until(`job ${job} in accounting`, async () => {
    const fields = "user,account,state";
    const line = await run("sacct", ["-nXP", "-j", job, `--format=${fields}`], { env });
    const [user, account, state] = line.trim().split("|");
    return !["", "PENDING", "RUNNING", "COMPLETING"].includes(state ?? "") && { user, account, state };
  });
}

test("a job of kim's by sbatch runs as her, writes where the centre's storage is, and is counted for proj1", async (context) => {
  const path = scratchFile(context);
  const job = await asKim("sbatch", "--parsable", "--wait", "--output=/dev/null", `--wrap=id -u > ${path}`);
  assert.equal(await readFile(path, "utf8"), `${KIM}\n`);
  assert.equal((await stat(path)).uid, KIM);
  assert.deepEqual(await accountOf(job.trim()), { user: "kim", account: "proj1", state: "COMPLETED" });
});

test("a job that takes more memory than it asked for is ended for that", async () => {
  const wrap = `--wrap=/usr/bin/python3 -c "b'x' * 200_000_000"`;
  const job = (await asKim("sbatch", "--parsable", "--output=/dev/null", "--mem=50", wrap)).trim();
  assert.equal((await accountOf(job)).state, "OUT_OF_MEMORY");
});

test("a job that asks for a GPU gets one, on the node that has them", async (context) => {
  const path = scratchFile(context);
  const wrap = `--wrap=echo $SLURMD_NODENAME > ${path}`;
  const job = (await asKim("sbatch", "--parsable", "--wait", "--output=/dev/null", "--gres=gpu:1", wrap)).trim();
  assert.equal(await readFile(path, "utf8"), "c4\n");
  assert.equal((await accountOf(job)).state, "COMPLETED");
  assert.match(await run("sacct", ["-nXP", "-j", job, "--format=alloctres"], { env }), /\bgres\/gpu=1\b/);
});

test("a partition refuses a job beyond its limits", async () => {
  const job = ["sbatch", "--partition=debug", "--wrap=true", "--output=/dev/null"];
  await assert.rejects(asKim(...job, "--time=00:30:00"), /time limit|Requested time/i);
  await assert.rejects(asKim(...job, "--nodes=2"), /Node count|configuration/i);
});

test("nobody is let into the partition of the operators without being one", async () => {
  await assert.rejects(asKim("sbatch", "--partition=staff", "--wrap=true"), /group|permission|access/i);
});

test("the REST daemon takes a job of kim's with her token, and nothing without one", async (context) => {
  const path = scratchFile(context);
  const token = (await run("scontrol", ["token", "username=kim", "lifespan=60"], { env })).trim().replace("SLURM_JWT=", "");
  const submit = (headers) =>
    fetch(`${testbed.SLURMRESTD_URL}/slurm/v0.0.38/job/submit`, {
      method: "POST",
      headers: { "Content-Type": "application/json", ...headers },
      body: JSON.stringify({
        script: `#!/bin/sh\nid -u > ${path}\n`,
        job: {
          name: "smoke",
          current_working_directory: "/tmp",
          standard_output: "/dev/null",
          environment: { PATH: "/usr/bin:/bin" },
        },
      }),
    });

  assert.equal((await submit({})).status, 401);
  const answer = await submit({ "X-SLURM-USER-NAME": "kim", "X-SLURM-USER-TOKEN": token });
  const body = await answer.json();
  assert.deepEqual([answer.status, body.errors], [200, []], JSON.stringify(body));
  assert.equal((await accountOf(String(body.job_id))).state, "COMPLETED");
  assert.equal(await readFile(path, "utf8"), `${KIM}\n`);
});
