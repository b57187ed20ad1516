// People's jobs on a PBS that this machine has, from the portal's pages; the people are those of the testbed. The PBS
// keeps history, lets people ask for others' jobs (query_other_jobs), and takes them from anywhere (flatuid).

import assert from "node:assert/strict";
import { readFile, rm } from "node:fs/promises";

import { assertNoFaults, newProfile, picture } from "../browser/support/browser.js";
import { journey } from "../browser/support/journey.js";
import { callApi } from "../browser/support/pages.js";
import { until } from "../browser/support/until.js";
import { KIM, ask, codesOf, everybodys as everybodysPortal, jobOf, own as ownPortal, signIn, systemOf, untilJob } from "../testbed/support/batch.js";
import { printVersions } from "../testbed/support/exports.js";
import { freshName, run } from "../testbed/support/programs.js";
import { ended, running, submitted, walkApart, walkForm, walkLife } from "../testbed/support/walks.js";

const PROGRAMS = `${/^PBS_EXEC=(.*)$/m.exec(await readFile("/etc/pbs.conf", "utf8"))[1]}/bin`;

printVersions("people", "ssh");
process.stdout.write(`pbs  ${await run(`${PROGRAMS}/qstat`, ["--version"])}`);

const PBS = `scheduler = "pbs"
path = "${PROGRAMS}:/usr/bin:/bin"`;

const own = ownPortal(PBS);
const everybodys = await everybodysPortal(PBS);

journey("kim fills in the form, and PBS runs the job as her", { timeout: 240_000, portal: own }, async ({ context, portal, profile, page }) => {
  await signIn(page, portal);
  await walkForm({ context, portal, page }, (name) => `#PBS -N ${name}`, () => picture(page, "batch-form-pbs"));
  assertNoFaults(profile);
});

journey("over ssh each one's job runs as herself, and nobody sees or touches another's", { timeout: 240_000, portal: everybodys }, async ({ portal, browser, page }) => {
  await signIn(page, portal);
  await walkApart({ portal, browser, page }, ["#PBS -v 'A=x'", "sleep 600"], async ({ id, scheduler_id: pbsId }, name) => {
    const listed = await run(`${PROGRAMS}/qstat`, ["-f", "-w", pbsId]);
    assert.match(listed, new RegExp(`euser = ${name}$`, "m"));
    assert.match(listed, new RegExp(`Variable_List = .*A=x,.*MYKSC_JOB=${id}`));
  });
});

journey("what waits is held and released, what is refused is said, and what ends says how", { timeout: 400_000, portal: everybodys }, async ({ portal, page }) => {
  await signIn(page, portal);
  const unknown = await ended(page, await submitted(page, "#PBS -l nosuch=1", "true"));
  assert.deepEqual([unknown.outcome, unknown.reason.code], ["refused", "scheduler_refuses"]);
  assert.match(unknown.reason.params.detail, /Unknown resource/);

  const good = await submitted(page, "sleep 5");
  const { scheduler_id: before } = await running(page, good);
  const next = await submitted(page, `#PBS -W depend=afterok:${before}`, "exit 7");
  await untilJob(page, next.id, "it waits for the other", ({ reason }) => reason?.code === "waiting_for_job");
  await walkLife(page, {
    overLimit: ["#PBS -q debug", "#PBS -l walltime=10:00:00", "true"],
    waiting: ["#PBS -a 12312359", "sleep 600"],
    endings: [
      [["#PBS -l walltime=00:00:05", "sleep 600"], "timed_out"],
      [["#PBS -J 1-3", "sleep 1"], "succeeded"],
    ],
  });
  assert.equal((await ended(page, good)).outcome, "succeeded");
  assert.deepEqual(Object.values(await ended(page, next)).filter((value) => value === 7), [7]);
});

journey("with the server stopped the portal keeps what it is told, and hands it over once", { timeout: 400_000, portal: everybodys }, async ({ context, portal, page }) => {
  await signIn(page, portal);
  const before = await submitted(page, "sleep 5");
  await running(page, before);
  const back = () => run("/etc/init.d/pbs", ["start"], { limitMs: 120_000 });
  context.after(back);
  await run(`${PROGRAMS}/qterm`, ["-t", "quick"]);
  await until("the portal sees it", async () => (await systemOf(page)).state === "down", { limitMs: 60_000 });
  assert.equal((await jobOf(page, before.id)).phase, "running", "what is not known has not ended");
  const job = await submitted(page, "true");
  await untilJob(page, job.id, "it says why it waits", ({ phase, reason }) => phase === "submitting" && reason?.code === "scheduler_away");
  await back();
  // Its first look at the jobs comes before the node is there, and the next one minutes later.
  await until("the node is back", async () => /state = free$/m.test(await run(`${PROGRAMS}/pbsnodes`, ["-a"])), { limitMs: 60_000 });
  await run(`${PROGRAMS}/qmgr`, ["-c", "set server scheduling = True"]);
  for (const one of [job, before]) assert.equal((await ended(page, one, 120_000)).outcome, "succeeded");
  const listed = await run(`${PROGRAMS}/qstat`, ["-x", "-f", "-w"]);
  assert.equal(listed.match(new RegExp(`Variable_List = .*MYKSC_JOB=${job.id}`, "g")).length, 1);
});

journey("an array is one row that opens, and the walltime of what runs can only be made shorter", { timeout: 400_000, portal: everybodys }, async ({ portal, page, profile }) => {
  await signIn(page, portal);
  const name = freshName("array");
  const array = await submitted(page, `#PBS -N ${name}`, "#PBS -J 1-3", "#PBS -l walltime=00:10:00", 'echo "task $PBS_ARRAY_INDEX"', '[ "$PBS_ARRAY_INDEX" != 1 ] || sleep 600', '[ "$PBS_ARRAY_INDEX" != 3 ] || exit 5');
  await untilJob(page, array.id, "one runs, and one failed", ({ array: { running, failed, succeeded } }) => running === 1 && failed === 1 && succeeded === 1, 120_000);
  await page.goto(`${portal.origin}/jobs`);
  const row = page.getByRole("row").filter({ hasText: name });
  await row.getByRole("button", { name: "3 tasks · 1 running · 1 failed · 1 done" }).click();
  await row.getByRole("link", { name: "Task 3" }).click();
  await until("its own output", async () => (await page.getByRole("region", { name: "Output of task 3" }).innerText()).includes("task 3"), { limitMs: 30_000 });
  assert.equal(await page.getByRole("button", { name: "Start over" }).count(), 0, "PBS lets operators alone do it");
  await callApi(page, "POST", `/jobs/${array.id}/tasks/1/cancel`);
  const over = await ended(page, array, 120_000);
  assert.deepEqual([over.array.succeeded, over.array.failed], [1, 2]);
  const { items } = (await callApi(page, "GET", `/jobs/${array.id}/tasks`)).body;
  assert.deepEqual(items.map(({ index, exit_code: code }) => [index, code]), [[1, null], [2, 0], [3, 5]]);
  for (const task of items) assert.ok(task.node && task.started_at && task.ended_at, JSON.stringify(task));
  await Promise.all([1, 2, 3].map((index) => rm(`${KIM.home}/${name}-${array.id}_${index}.out`, { force: true })));

  const job = await running(page, await submitted(page, "#PBS -l walltime=00:10:00", "sleep 600"));
  const { status } = await callApi(page, "POST", `/jobs/${job.id}/walltime`, { walltime_secs: 300 });
  assert.equal(status, 202);
  await until("PBS has it", async () => /Resource_List.walltime = 00:05:00/.test(await run(`${PROGRAMS}/qstat`, ["-f", job.scheduler_id])));
  const longer = await callApi(page, "POST", `/jobs/${job.id}/walltime`, { walltime_secs: 3600 });
  assert.deepEqual(codesOf(longer), [422, "walltime_only_shorter"]);
  await ask(page, job.id, "cancel");
  assert.equal((await ended(page, job)).outcome, "cancelled");
  assertNoFaults(profile, [/422/]);
});

journey("a job that kim submitted by hand is shown to her alone", { timeout: 240_000, portal: everybodys }, async ({ context, portal, browser, page, profile }) => {
  await signIn(page, portal);
  const other = await (await newProfile(browser)).newPage();
  await signIn(other, portal, "lee");
  const name = freshName("byhand");
  const asKim = [`--reuid=${KIM.uid}`, `--regid=${KIM.gid}`, "--clear-groups", "env", `HOME=${KIM.home}`, "sh", "-c"];
  const id = (await run("setpriv", [...asKim, `cd && echo 'sleep 5; exit 3' | ${PROGRAMS}/qsub -f -N ${name} -l walltime=00:05:00 -o /dev/null -e /dev/null`])).trim();
  context.after(() => run(`${PROGRAMS}/qdel`, [id]).catch(() => {}));
  const mine = await until("the portal sees it", async () => (await callApi(page, "GET", "/jobs")).body.items.find((job) => job.scheduler_id === id), { limitMs: 30_000 });
  assert.deepEqual([mine.name, mine.elsewhere, mine.size.walltime_secs], [name, true, 300]);
  assert.equal((await callApi(other, "GET", "/jobs")).body.items.length, 0);
  assert.equal((await callApi(page, "POST", `/jobs/${mine.id}/hold`)).body.code, "job_elsewhere");
  const over = await ended(page, mine, 120_000);
  assert.deepEqual([over.outcome, over.exit_code], ["failed", 3]);
  assertNoFaults(profile, [/409/]);
});
