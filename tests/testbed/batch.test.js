// People's jobs on the centre's Slurm, from the portal's pages: handed over as themselves, followed, and found in
// accounting. By ssh or slurmrestd for everybody, and by commands of this machine for a portal of one's own.

import assert from "node:assert/strict";
import { readFile, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { describe } from "node:test";

import { assertNoFaults, newProfile, picture } from "../browser/support/browser.js";
import { journey } from "../browser/support/journey.js";
import { examine } from "../browser/support/looks.js";
import { callApi } from "../browser/support/pages.js";
import { until } from "../browser/support/until.js";
import { KIM, ask, byRest, codesOf, everybodys as everybodysPortal, jobOf, own as ownPortal, signIn, submitScript, systemOf, untilJob } from "./support/batch.js";
import { printVersions, root, testbed } from "./support/exports.js";
import { freshName, run } from "./support/programs.js";
import { ended, running, seeOutput, submitted, walkApart, walkCommandLine, walkForm, walkLife } from "./support/walks.js";

printVersions("people", "ssh", "slurm");

const env = { ...process.env, SLURM_CONF: testbed.SLURM_CONF };

const SLURM = `scheduler = "slurm"
environment = { SLURM_CONF = "${testbed.SLURM_CONF}" }`;

/** What the site demands: an account that is hers, and a comment of two fields; no memory. */
const RULES = `
forbidden_options = ["mem"]

[[system.options]]
option = "account"
fields = [{ id = "account", title = { en = "Account", ko = "계정" }, choices_command = ["sacctmgr", "-nP", "show", "assoc", "user={name}", "format=account"] }]

[[system.options]]
option = "comment"
template = "field={field};appl={appl}"
[[system.options.fields]]
id = "field"
title = { en = "Field of research", ko = "연구 분야" }
required = true
choices = ["bio", "chem"]
[[system.options.fields]]
id = "appl"
title = { en = "Application", ko = "응용 프로그램" }
required = true
`;

const own = ownPortal(SLURM + RULES);
const everybodys = await everybodysPortal(SLURM);
const rest = await byRest(SLURM);

const accountOf = async (id, fields) => (await run("sacct", ["-nXP", "-j", id, `--format=${fields}`], { env })).trim();

/** Kills a daemon with all that it started. */
async function killTree(pid) {
  const children = await run("pgrep", ["-P", `${pid}`]).catch(() => "");
  process.kill(pid, "SIGKILL");
  for (const child of children.split("\n").filter(Boolean)) await killTree(Number(child));
}

journey("kim fills in the form, and Slurm runs the job as her", { timeout: 240_000, portal: own }, async ({ context, portal, profile, page }) => {
  await signIn(page, portal);
  const speaks = (name) => `#SBATCH --job-name=${name}`;
  const { scheduler_id: id, name, usage } = await walkForm({ context, portal, page }, speaks, async (form, head) => {
    assert.equal(await form.getByLabel("Memory (GiB)").count(), 0, "the site takes none");
    const account = form.getByLabel("Account");
    assert.deepEqual(await account.locator("option").allInnerTexts(), ["–", "proj1"]);
    await account.selectOption("proj1");
    await form.getByRole("button", { name: "Submit job" }).click();
    await form.getByLabel("Field of research").and(page.locator("[aria-invalid=true]")).waitFor();
    await form.getByLabel("Field of research").selectOption("bio");
    await form.getByLabel("Application").fill("wc");
    await until("the script says what the site demands", async () => (await head.innerText()).includes("#SBATCH --comment='field=bio;appl=wc'"));
    await form.locator("[aria-invalid=true]").first().waitFor({ state: "detached" });
    await picture(page, "batch-form-slurm");
  });
  assert.equal(usage.cpus, 1, "what it used");
  const record = page.getByRole("region", { name: "The scheduler's own record" });
  await record.getByRole("button", { name: "Show" }).click();
  await record.getByText(`UserId=kim(${KIM.uid})`).waitFor();
  await until("accounting knows it", async () => (await accountOf(id, "user,account,state,jobname")) === `kim|proj1|FAILED|${name}`, { limitMs: 30_000 });
  assert.match(await run("scontrol", ["show", "job", id], { env }), /Comment=field=bio;appl=wc;myksc=/);
  // What she submitted last is what the form begins with.
  await page.goto(`${portal.origin}/jobs/new`);
  assert.equal(await page.getByRole("form", { name: "New job" }).getByLabel("Application").inputValue(), "wc");
  assertNoFaults(profile, [/422/]);
});

/** How jobs end on this Slurm. */
const ENDINGS = [
  [["#SBATCH --array=1-3", "[ $SLURM_ARRAY_TASK_ID != 2 ] || exit 4"], "failed", 4],
  [["#SBATCH --array=1-3", "true"], "succeeded", 0],
  [["#SBATCH --mem=50M", "python3 -c 'bytearray(300_000_000)'"], "out_of_memory", null],
];

/** What jobs of kim's and lee's go through, whichever way leads to Slurm; `readable` are those whose output the portal reads. */
async function walk({ portal, browser, profile, page }, readable) {
  const second = await profile.newPage();
  await second.goto(portal.origin);
  const name = freshName("who");
  const look = async (job, account, whose) => {
    if (readable.includes(account)) await seeOutput(whose, portal, job, /^2000[12]$/m);
    const project = { kim: "proj1", lee: "proj2" }[account];
    await until("accounting knows it", async () => (await accountOf(job.scheduler_id, "user,account,state,jobname")) === `${account}|${project}|RUNNING|${name}`, { limitMs: 30_000 });
    const path = `${testbed.HOME_ROOT}/${account}/${name}`;
    assert.equal(await readFile(path, "utf8"), `${(await stat(path)).uid}\n`);
    await rm(path);
  };
  const [, over] = await Promise.all([
    walkApart({ portal, browser, page }, [`#SBATCH --job-name=${name}`, `id -u | tee ${name}; sleep 600`], look),
    walkLife(second, {
      overLimit: ["#SBATCH --partition=debug", "#SBATCH --time=01:00:00", "true"],
      waiting: ["#SBATCH --begin=now+1hour", "#SBATCH --comment='field=bio'", "sleep 600"],
      look: async ({ id, scheduler_id: slurmId }) => {
        const comment = await run("squeue", ["-h", "-j", slurmId, "-o", "%k"], { env });
        assert.equal(comment.trim(), `field=bio;myksc=${id}`);
      },
      endings: ENDINGS,
    }),
  ]);
  const next = await submitted(second, `#SBATCH --dependency=afterok:${over[0].scheduler_id}`, "true");
  await untilJob(second, next.id, "it never starts", ({ reason }) => reason?.code === "dependency_never_satisfied");
  await ask(second, next.id, "cancel");
  assert.equal((await ended(second, next)).outcome, "cancelled");
}

// They wait for Slurm most of the time.
describe("both ways lead to it", { concurrency: 2 }, () => {
  journey("over ssh each one's job runs as herself, and nobody sees or touches another's", { timeout: 400_000, portal: everybodys }, async (all) => {
    await signIn(all.page, all.portal);
    // The portal has nobody here to read output as her: it is read over there.
    await walk(all, ["kim", "lee"]);
    const foreign = await submitScript(all.page, ["#SBATCH --account=proj2", "true"]);
    assert.deepEqual(codesOf(foreign), [422, "scheduler_refuses"], JSON.stringify(foreign));
    assert.match(foreign.body.fields[0].params.detail, /Invalid account/);
  });

  journey("over slurmrestd it is the same, with a token for each of them", { timeout: 400_000, portal: rest }, async (all) => {
    const { context, portal, page } = all;
    await signIn(page, portal);
    const slow = await submitted(page, "#SBATCH --time=00:01:00", "sleep 600");
    // kim's own agent reads what she writes.
    await walk(all, ["kim"]);
    const unfit = await submitScript(page, ["#SBATCH --uid=0", "true"]);
    assert.deepEqual(codesOf(unfit), [422, "option_forbidden"], JSON.stringify(unfit));
    const foreign = await ended(page, await submitted(page, "#SBATCH --account=proj2", "true"));
    assert.deepEqual([foreign.outcome, foreign.reason.code], ["refused", "scheduler_refuses"]);
    assert.match(foreign.reason.params.detail, /Invalid account/);
    const { usage } = await walkForm({ context, portal, page }, (name) => `#SBATCH --job-name=${name}`);
    assert.equal(usage.cpus, 1, "what it used");
    await walkCommandLine(portal, page);

    const before = await running(page, await submitted(page, "sleep 5"));
    const back = () => run(`${root}/testbed/testbed`, ["up", "slurm"], { limitMs: 180_000 });
    context.after(back);
    await killTree(Number(await run("pgrep", ["-f", `slurmrestd .*${new URL(testbed.SLURMRESTD_URL).host}`])));
    await until("the portal sees it", async () => (await systemOf(page)).state === "down", { limitMs: 60_000 });
    assert.equal((await jobOf(page, before.id)).phase, "running", "what is not known has not ended");
    const name = freshName("later");
    const later = await submitted(page, `#SBATCH --job-name=${name}`, "true");
    await untilJob(page, later.id, "it says why it waits", ({ phase, reason }) => phase === "submitting" && reason?.code === "scheduler_away");
    await back();
    for (const job of [later, before]) assert.equal((await ended(page, job)).outcome, "succeeded");
    assert.equal((await run("squeue", ["-h", "-t", "all", "-n", name, "-o", "%i"], { env })).trim().split("\n").length, 1);
    assert.equal((await ended(page, slow, 120_000)).outcome, "timed_out");
  });
});

journey("with the login node gone the portal keeps what it is told, and goes on when it is back", { timeout: 240_000, portal: everybodys }, async ({ context, portal, page }) => {
  await signIn(page, portal);
  const { body: before } = await submitScript(page, ["sleep 5"]);
  await untilJob(page, before.id, "the one before runs", ({ phase }) => phase === "running");
  const back = () => run(`${root}/testbed/testbed`, ["up", "ssh"], { limitMs: 60_000 });
  context.after(back);
  await killTree(Number(await run("pgrep", ["-f", `${dirname(testbed.SSH_USER_CA)}/sshd_config`])));
  await until("the portal sees it", async () => (await systemOf(page)).state === "down", { limitMs: 60_000 });
  const { status, body: job } = await submitScript(page, ["true"]);
  assert.equal(status, 202, JSON.stringify(job));
  await untilJob(page, job.id, "it says why it waits", ({ phase, reason }) => phase === "submitting" && reason?.code === "scheduler_away");
  await back();
  for (const { id } of [before, job]) {
    assert.equal((await untilJob(page, id, "it ran", ({ phase }) => phase === "ended")).outcome, "succeeded");
  }
});

journey("a job that is submitted while the controller is down goes there once, when it is back", { timeout: 400_000, portal: everybodys }, async ({ context, portal, page }) => {
  await signIn(page, portal);
  const { body: before } = await submitScript(page, ["sleep 5"]);
  await untilJob(page, before.id, "the one before runs", ({ phase }) => phase === "running");
  const back = () => run(`${root}/testbed/testbed`, ["up", "slurm"], { limitMs: 180_000 });
  context.after(back);
  await run("scontrol", ["shutdown", "slurmctld"], { env });
  await until("the portal sees it", async () => (await systemOf(page)).state === "down", { limitMs: 60_000 });
  assert.equal((await jobOf(page, before.id)).phase, "running", "what is not known has not ended");

  const name = freshName("later");
  const { status, body: job } = await submitScript(page, [`#SBATCH --job-name=${name}`, "true"]);
  assert.equal(status, 202, JSON.stringify(job));
  await untilJob(page, job.id, "it says why it waits", ({ phase, reason }) => phase === "submitting" && reason?.code === "scheduler_away");
  await back();
  const { outcome } = await untilJob(page, job.id, "it ran", ({ phase }) => phase === "ended");
  assert.equal(outcome, "succeeded");
  assert.equal((await untilJob(page, before.id, "so did the one before", ({ phase }) => phase === "ended")).outcome, "succeeded");
  assert.equal((await run("squeue", ["-h", "-t", "all", "-n", name, "-o", "%i"], { env })).trim().split("\n").length, 1);
});

journey("nobody else's jobs go where the commands run as kim", { timeout: 120_000, portal: own }, async ({ portal, page }) => {
  await signIn(page, portal, "lee");
  const { status, body } = await submitScript(page, ["#SBATCH --comment='field=bio;appl=wc'", "true"]);
  assert.deepEqual([status, body.code], [403, "identity_not_allowed"], JSON.stringify(body));
});

journey("an array is one row that opens, and each task has its end, its node and its output", { timeout: 240_000, portal: everybodys }, async ({ portal, page, profile }) => {
  await signIn(page, portal);
  const name = freshName("array");
  const { status, body } = await submitScript(page, [
    `#SBATCH --job-name=${name}`,
    "#SBATCH --array=1-4",
    'echo "task $SLURM_ARRAY_TASK_ID"',
    '[ "$SLURM_ARRAY_TASK_ID" != 1 ] || sleep 600',
    '[ "$SLURM_ARRAY_TASK_ID" != 3 ] || exit 5',
  ]);
  assert.equal(status, 202, JSON.stringify(body));
  await untilJob(page, body.id, "one runs, and one failed", ({ array }) => array.running === 1 && array.failed === 1 && array.succeeded === 2);
  await page.goto(`${portal.origin}/jobs`);
  const row = page.getByRole("row").filter({ hasText: name });
  await row.getByRole("button", { name: "4 tasks · 1 running · 1 failed · 2 done" }).click();
  await row.getByRole("list", { name: "Tasks that failed" }).getByText("failed, exit code 5").waitFor();
  assert.deepEqual(await examine(page, "jobs"), []);
  await row.getByRole("link", { name: "Task 3" }).click();
  await page.getByRole("heading", { level: 1, name }).waitFor();
  await until("its own output", async () => (await page.getByRole("region", { name: "Output of task 3" }).innerText()).includes("task 3"), { limitMs: 30_000 });
  assert.deepEqual(await examine(page, "array"), []);
  await page.getByText(`home/${name}-`).filter({ hasText: /_%a\.out$/ }).waitFor();
  const tasks = page.getByRole("table", { name: "Tasks" });
  await tasks.getByRole("button", { name: "Cancel Task 1" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Cancel the task" }).click();
  const over = await untilJob(page, body.id, "all are over", ({ phase }) => phase === "ended");
  assert.deepEqual([over.array.succeeded, over.array.failed, over.array.total], [2, 2, 4]);
  const { items } = (await callApi(page, "GET", `/jobs/${body.id}/tasks`)).body;
  assert.deepEqual(items.map(({ index, outcome, exit_code: code }) => [index, outcome, code]), [[1, "cancelled", null], [2, "succeeded", 0], [3, "failed", 5], [4, "succeeded", 0]]);
  for (const task of items) assert.ok(task.node && task.started_at && task.ended_at, JSON.stringify(task));
  assert.equal(await readFile(`${KIM.home}/${name}-${over.scheduler_id}_2.out`, "utf8"), "task 2\n");
  await Promise.all([1, 2, 3, 4].map((index) => rm(`${KIM.home}/${name}-${over.scheduler_id}_${index}.out`, { force: true })));
  assertNoFaults(profile);
});

journey("a running job starts over, and its walltime can only be made shorter", { timeout: 240_000, portal: everybodys }, async ({ portal, page, profile }) => {
  await signIn(page, portal);
  const name = freshName("over");
  const { body } = await submitScript(page, [`#SBATCH --job-name=${name}`, "#SBATCH --time=10", "#SBATCH -o %x-%j.log", "echo began; sleep 600"]);
  const running = await untilJob(page, body.id, "it runs", ({ phase }) => phase === "running");
  assert.equal(running.stdout_path, `home/${name}-${running.scheduler_id}.log`);
  const show = () => run("scontrol", ["show", "job", running.scheduler_id], { env });
  await page.goto(`${portal.origin}/jobs/${body.id}`);
  await until("the output of Slurm's own number", async () => (await page.getByRole("region", { name: "Output" }).innerText()).includes("began"), { limitMs: 30_000 });
  await page.getByRole("button", { name: "Change the walltime" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("It can only be made shorter here.").waitFor();
  await dialog.getByRole("textbox", { name: "Walltime" }).fill("00:05:00");
  await dialog.getByRole("button", { name: "Change" }).click();
  await until("Slurm has it", async () => (await show()).includes("TimeLimit=00:05:00"));
  const longer = await callApi(page, "POST", `/jobs/${body.id}/walltime`, { walltime_secs: 3600 });
  assert.deepEqual(codesOf(longer), [422, "walltime_only_shorter"]);
  await page.getByRole("button", { name: "Start over" }).click();
  await dialog.getByRole("button", { name: "Stop it and start over" }).click();
  await until("Slurm put it back", async () => (await show()).includes("Restarts=1"), { limitMs: 30_000 });
  await ask(page, body.id, "cancel");
  await untilJob(page, body.id, "it is cancelled", ({ outcome }) => outcome === "cancelled");
  await rm(`${KIM.home}/${name}-${running.scheduler_id}.log`, { force: true });
  assertNoFaults(profile, [/422/]);
});

journey("a job that kim submitted by hand is shown to her alone, with all queues at a glance", { timeout: 240_000, portal: everybodys }, async ({ context, portal, browser, page, profile }) => {
  await signIn(page, portal);
  const other = await (await newProfile(browser)).newPage();
  await signIn(other, portal, "lee");
  const name = freshName("byhand");
  const asKim = ["setpriv", `--reuid=${KIM.uid}`, `--regid=${KIM.gid}`, "--clear-groups", "env", `HOME=${KIM.home}`];
  const submit = ["sbatch", "--parsable", "-D", KIM.home, "-o", "/dev/null", "-J", name, "-N", "1", "-n", "1", "-t", "5", "--wrap", "sleep 600"];
  const id = (await run(asKim[0], [...asKim.slice(1), ...submit], { env })).trim();
  context.after(() => run("scancel", [id], { env }).catch(() => {}));
  const mine = await until("the portal sees it", async () => (await callApi(page, "GET", "/jobs")).body.items.find((job) => job.scheduler_id === id), { limitMs: 30_000 });
  assert.deepEqual([mine.name, mine.elsewhere, mine.size.walltime_secs], [name, true, 300]);
  await untilJob(page, mine.id, "it runs", ({ phase }) => phase === "running");
  assert.equal((await callApi(other, "GET", "/jobs")).body.items.length, 0);
  const refused = await callApi(page, "POST", `/jobs/${mine.id}/cancel`);
  assert.deepEqual([refused.status, refused.body.code], [409, "job_elsewhere"]);
  await page.goto(`${portal.origin}/jobs`);
  await page.getByRole("row").filter({ hasText: name }).getByText("submitted elsewhere").waitFor();
  await page.getByRole("button", { name: "All queues" }).click();
  const queues = page.getByRole("dialog");
  await queues.getByText(/free, \d+ used, \d+ down/).first().waitFor();
  assert.deepEqual(await examine(page, "queues"), []);
  await queues.getByRole("button", { name: "Close" }).click();
  await page.getByRole("link", { name }).click();
  await page.getByText("This job was submitted elsewhere.").waitFor();
  await run("scancel", [id], { env });
  const over = await untilJob(page, mine.id, "it is over", ({ phase }) => phase === "ended");
  assert.equal(over.outcome, "cancelled");
  assertNoFaults(profile, [/409/]);
});
