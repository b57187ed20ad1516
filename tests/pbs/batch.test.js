// People's jobs on a PBS that this machine has, from the portal's pages; the people are those of the testbed. The PBS
// keeps history, lets people ask for others' jobs (query_other_jobs), and takes them from anywhere (flatuid).

import assert from "node:assert/strict";
import { readFile, rm, stat } from "node:fs/promises";

import { assertNoFaults, newProfile, picture } from "../browser/support/browser.js";
import { journey } from "../browser/support/journey.js";
import { callApi } from "../browser/support/pages.js";
import { until } from "../browser/support/until.js";
import { KIM, OTHERS_QUESTIONS, ask, codesOf, everybodys as everybodysPortal, fillIn, jobOf, own as ownPortal, signIn, submitScript, systemOf, untilJob } from "../testbed/support/batch.js";
import { printVersions } from "../testbed/support/exports.js";
import { freshName, run } from "../testbed/support/programs.js";

const PROGRAMS = `${/^PBS_EXEC=(.*)$/m.exec(await readFile("/etc/pbs.conf", "utf8"))[1]}/bin`;

printVersions("people", "ssh");
process.stdout.write(`pbs  ${await run(`${PROGRAMS}/qstat`, ["--version"])}`);

const PBS = `scheduler = "pbs"
path = "${PROGRAMS}:/usr/bin:/bin"`;

const own = ownPortal(PBS);
const everybodys = await everybodysPortal(PBS);

/** Submits lines that have to be taken, and gives the job. */
async function submitted(page, ...lines) {
  const { status, body } = await submitScript(page, lines);
  assert.equal(status, 202, JSON.stringify(body));
  return body;
}

const running = (page, { id }) => untilJob(page, id, "it runs", ({ phase }) => phase === "running");
const ended = (page, { id }, limitMs) => untilJob(page, id, "it ended", ({ phase }) => phase === "ended", limitMs);

journey("kim fills in the form, and PBS runs the job as her", { timeout: 240_000, portal: own }, async ({ context, portal, profile, page }) => {
  await signIn(page, portal);
  const name = freshName("words");
  context.after(() => Promise.all(["out", "go"].map((end) => rm(`${KIM.home}/${name}.${end}`, { force: true }))));
  const head = await fillIn(page, portal, name, `id -un; until [ -e ${name}.go ]; do sleep 0.2; done; cat ${name}.go; exit 3`);
  await until("the script speaks PBS", async () => (await head.innerText()).includes(`#PBS -N ${name}`));
  await picture(page, "batch-form-pbs");
  await page.getByRole("form", { name: "New job" }).getByRole("button", { name: "Submit job" }).click();
  await page.getByRole("heading", { level: 1, name }).waitFor();
  const main = page.getByRole("main");
  await main.getByText("running", { exact: true }).waitFor({ timeout: 60_000 });
  const output = page.getByRole("region", { name: "Output" });
  await until("her name in the output while it runs", async () => /^kim$/m.test(await output.innerText()), { limitMs: 30_000 });
  await run("setpriv", [`--reuid=${KIM.uid}`, `--regid=${KIM.gid}`, "--clear-groups", "sh", "-c", `echo 안녕하세요 > ${KIM.home}/${name}.go`]);
  await main.getByText("failed, exit code 3", { exact: true }).waitFor({ timeout: 60_000 });
  await until("the rest of the output", async () => (await output.innerText()).includes("안녕하세요"));
  assert.equal(await readFile(`${KIM.home}/${name}.out`, "utf8"), "kim\n안녕하세요\n");
  assert.equal((await stat(`${KIM.home}/${name}.out`)).uid, KIM.uid);
  await page.getByRole("heading", { name: "What it used" }).waitFor();
  assertNoFaults(profile);
});

journey("over ssh each one's job runs as herself, and nobody sees or touches another's", { timeout: 240_000, portal: everybodys }, async ({ portal, browser, page }) => {
  await signIn(page, portal);
  const other = await (await newProfile(browser)).newPage();
  await signIn(other, portal, "lee");
  const submit = async (page) => running(page, await submitted(page, "#PBS -v 'A=x'", "sleep 600"));
  const [hers, others] = await Promise.all([submit(page), submit(other)]);
  for (const [{ id, scheduler_id: pbsId }, name] of [[hers, "kim"], [others, "lee"]]) {
    const listed = await run(`${PROGRAMS}/qstat`, ["-f", "-w", pbsId]);
    assert.match(listed, new RegExp(`euser = ${name}$`, "m"));
    assert.match(listed, new RegExp(`Variable_List = .*A=x,.*MYKSC_JOB=${id}`));
  }
  for (const [method, path] of OTHERS_QUESTIONS) {
    assert.equal((await callApi(other, method, `/jobs/${hers.id}${path}`)).status, 404, path);
  }
  assert.deepEqual((await callApi(other, "GET", "/jobs")).body.items.map(({ id }) => id), [others.id]);
  for (const [whose, { id }] of [[page, hers], [other, others]]) {
    await ask(whose, id, "cancel");
    await untilJob(whose, id, "it is cancelled", ({ outcome }) => outcome === "cancelled");
  }
});

journey("what waits is held and released, what is refused is said, and what ends says how", { timeout: 400_000, portal: everybodys }, async ({ portal, page }) => {
  await signIn(page, portal);
  const long = await submitScript(page, ["#PBS -q debug", "#PBS -l walltime=10:00:00", "true"]);
  assert.deepEqual(codesOf(long), [422, "walltime_over_limit"], JSON.stringify(long));
  const unknown = await ended(page, await submitted(page, "#PBS -l nosuch=1", "true"));
  assert.deepEqual([unknown.outcome, unknown.reason.code], ["refused", "scheduler_refuses"]);
  assert.match(unknown.reason.params.detail, /Unknown resource/);

  const waiting = await submitted(page, "#PBS -a 12312359", "sleep 600");
  await untilJob(page, waiting.id, "it waits for its time", ({ reason }) => reason?.code === "waiting_for_time");
  await ask(page, waiting.id, "hold");
  await untilJob(page, waiting.id, "it is held", ({ phase, reason }) => phase === "held" && reason?.code === "held_by_user");
  await ask(page, waiting.id, "release");
  await untilJob(page, waiting.id, "it waits again", ({ phase }) => phase === "queued");
  await ask(page, waiting.id, "cancel");
  assert.equal((await ended(page, waiting)).outcome, "cancelled");

  const [good, slow, array] = [
    await submitted(page, "sleep 5"),
    await submitted(page, "#PBS -l walltime=00:00:05", "sleep 600"),
    await submitted(page, "#PBS -J 1-3", "sleep 1"),
  ];
  const { scheduler_id: before } = await running(page, good);
  const next = await submitted(page, `#PBS -W depend=afterok:${before}`, "exit 7");
  await untilJob(page, next.id, "it waits for the other", ({ reason }) => reason?.code === "waiting_for_job");
  assert.equal((await ended(page, good)).outcome, "succeeded");
  assert.deepEqual(Object.values(await ended(page, next)).filter((value) => value === 7), [7]);
  assert.equal((await ended(page, slow, 120_000)).outcome, "timed_out");
  assert.equal((await ended(page, array, 120_000)).outcome, "succeeded");
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
