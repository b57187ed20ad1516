// Jobs of kim's, lee's and of the operator seo, by sbatch and by the REST daemon; with accounting, and last without.

import assert from "node:assert/strict";
import { readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

import { until } from "../browser/support/until.js";
import { printVersions, root, testbed } from "./support/exports.js";
import { freshName, run } from "./support/programs.js";

printVersions("slurm");

const UIDS = { kim: 20001, lee: 20002, seo: 20009 };
const KIM = UIDS.kim;
const CHANGE_LIMIT_MS = 180_000;
const env = { ...process.env, SLURM_CONF: testbed.SLURM_CONF };

/** Runs a program as a person, in her home. */
function as(name, command, ...args) {
  const home = join(testbed.HOME_ROOT, name);
  const identity = [`--reuid=${UIDS[name]}`, `--regid=${UIDS[name]}`, "--init-groups", "--inh-caps=-all", "--"];
  const place = ["env", "-C", home, `HOME=${home}`];
  return run("setpriv", [...identity, ...place, command, ...args], { env });
}

const asKim = (...command) => as("kim", ...command);

/** Submits a job of a person's and gives its number. */
async function submit(name, ...options) {
  return (await as(name, "sbatch", "--parsable", "--output=/dev/null", ...options)).trim();
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

test("a job of lee's is counted for proj2, and she is kept from kim's project and jobs", async () => {
  const own = await submit("lee", "--wait", "--wrap=true");
  assert.deepEqual(await accountOf(own), { user: "lee", account: "proj2", state: "COMPLETED" });
  await assert.rejects(submit("lee", "--account=proj1", "--wrap=true"), /account/i);

  const kims = await submit("kim", "--hold", "--wrap=true");
  await assert.rejects(as("lee", "scancel", kims), /permission denied/i);
  await asKim("scancel", kims);
});

test("the operator seo uses the operators' partition, and ends a job of kim's", async () => {
  const own = await submit("seo", "--partition=staff", "--wait", "--wrap=true");
  assert.deepEqual(await accountOf(own), { user: "seo", account: "operations", state: "COMPLETED" });

  const kims = await submit("kim", "--wrap=sleep 600");
  await as("seo", "scancel", kims);
  assert.match((await accountOf(kims)).state, new RegExp(`^CANCELLED by ${UIDS.seo}$`));
});

test("the REST daemon takes a job of kim's with her token, and nothing without one", async (context) => {
  const path = scratchFile(context);
  assert.equal((await submitByRest(path, {})).status, 401);
  const job = await submitByRestAsKim(path);
  assert.equal((await accountOf(job)).state, "COMPLETED");
  assert.equal(await readFile(path, "utf8"), `${KIM}\n`);
});

test("Slurm without accounting takes jobs of whomever, and with it again counts them", { timeout: 10 * 60_000 }, async (context) => {
  context.after(() => raise({}));
  await raise({ MYKSC_TESTBED_SLURM_ACCOUNTING: "none" });
  await assert.rejects(run("sacct", ["-nX"], { env }), /accounting storage is disabled/i);
  const path = scratchFile(context);
  // No account is known, so none is refused.
  await submit("lee", "--account=proj1", "--wait", `--wrap=id -u > ${path}`);
  assert.equal(await readFile(path, "utf8"), `${UIDS.lee}\n`);
  await assert.rejects(submit("kim", "--partition=debug", "--time=00:30:00", "--wrap=true"), /time limit/i);

  const byRest = scratchFile(context);
  const job = await submitByRestAsKim(byRest);
  await until(`job ${job} to end`, async () => /JobState=COMPLETED/.test(await run("scontrol", ["show", "job", job], { env })));
  assert.equal(await readFile(byRest, "utf8"), `${KIM}\n`);

  await raise({});
  assert.deepEqual(await accountOf(await submit("kim", "--wait", "--wrap=true")), { user: "kim", account: "proj1", state: "COMPLETED" });
});

/** Raises the part anew with these variables. */
function raise(variables) {
  const clean = { ...process.env };
  delete clean.MYKSC_TESTBED_SLURM_ACCOUNTING;
  return run(`${root}/testbed/testbed`, ["up", "slurm"], { env: { ...clean, ...variables }, limitMs: CHANGE_LIMIT_MS });
}

/** A job that writes its user's id into a file, asked for with these headers. */
function submitByRest(path, headers) {
  return fetch(`${testbed.SLURMRESTD_URL}/slurm/v0.0.38/job/submit`, {
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
}

/** The same with a token of kim's; gives the job's number. */
async function submitByRestAsKim(path) {
  const token = (await run("scontrol", ["token", "username=kim", "lifespan=60"], { env })).trim().replace("SLURM_JWT=", "");
  const answer = await submitByRest(path, { "X-SLURM-USER-NAME": "kim", "X-SLURM-USER-TOKEN": token });
  const body = await answer.json();
  assert.deepEqual([answer.status, body.errors], [200, []], JSON.stringify(body));
  return String(body.job_id);
}
