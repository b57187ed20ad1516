// What jobs of a cluster go through from the portal's pages, whichever way leads there.

import assert from "node:assert/strict";
import { readFile, rm, stat } from "node:fs/promises";

import { newProfile } from "../../browser/support/browser.js";
import { callApi } from "../../browser/support/pages.js";
import { until } from "../../browser/support/until.js";
import { KIM, OTHERS_QUESTIONS, ask, codesOf, fillIn, signIn, submitScript, untilJob } from "./batch.js";
import { freshName, run } from "./programs.js";

/** Submits lines that have to be taken, and gives the job. */
export async function submitted(page, ...lines) {
  const { status, body } = await submitScript(page, lines);
  assert.equal(status, 202, JSON.stringify(body));
  return body;
}

export const running = (page, { id }) => untilJob(page, id, "it runs", ({ phase }) => phase === "running");
export const ended = (page, { id }, limitMs) => untilJob(page, id, "it ended", ({ phase }) => phase === "ended", limitMs);

/**
 * kim fills in the form, submits, and follows the output of a job that waits for her and fails with code 3. `speaks(name)`
 * is in the head of the script; `fill(form, head)` does what the site wants more. Gives the job.
 */
export async function walkForm({ context, portal, page }, speaks, fill = async () => {}) {
  const name = freshName("words");
  context.after(() => Promise.all(["out", "go"].map((end) => rm(`${KIM.home}/${name}.${end}`, { force: true }))));
  const head = await fillIn(page, portal, name, `id -un; until [ -e ${name}.go ]; do sleep 0.2; done; cat ${name}.go; exit 3`);
  await until("the script speaks as the scheduler does", async () => (await head.innerText()).includes(speaks(name)));
  const form = page.getByRole("form", { name: "New job" });
  await fill(form, head);
  await form.getByRole("button", { name: "Submit job" }).click();
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
  const { items } = (await callApi(page, "GET", "/jobs")).body;
  return items.find((job) => job.name === name);
}

/**
 * kim, who is signed in at `page`, and lee each have a job. `look(job, account, page)` looks at one that runs. Neither
 * sees or touches the other's. Gives lee's page.
 */
export async function walkApart({ portal, browser, page }, lines, look) {
  const other = await (await newProfile(browser)).newPage();
  await signIn(other, portal, "lee");
  const [hers, others] = await Promise.all([page, other].map(async (whose) => running(whose, await submitted(whose, ...lines))));
  for (const [job, account, whose] of [[hers, "kim", page], [others, "lee", other]]) await look(job, account, whose);
  for (const [method, path] of OTHERS_QUESTIONS) {
    assert.equal((await callApi(other, method, `/jobs/${hers.id}${path}`)).status, 404, path);
  }
  assert.deepEqual((await callApi(other, "GET", "/jobs")).body.items.map(({ id }) => id), [others.id]);
  for (const [whose, { id }] of [[page, hers], [other, others]]) {
    await ask(whose, id, "cancel");
    await untilJob(whose, id, "it is cancelled", ({ outcome }) => outcome === "cancelled");
  }
  return other;
}

/**
 * What is over the limit is refused; a job that waits for its time is held, released and cancelled; `endings`, each
 * `[lines, outcome, exit code, if one is expected]`, end meanwhile. Gives the jobs of the endings.
 */
export async function walkLife(page, { overLimit, waiting, look = async () => {}, endings }) {
  const long = await submitScript(page, overLimit);
  assert.deepEqual(codesOf(long), [422, "walltime_over_limit"], JSON.stringify(long));
  const started = await Promise.all(endings.map(([lines]) => submitted(page, ...lines)));
  const { id } = await submitted(page, ...waiting);
  await look(await untilJob(page, id, "it waits for its time", ({ reason }) => reason?.code === "waiting_for_time"));
  await ask(page, id, "hold");
  await untilJob(page, id, "it is held", ({ phase, reason }) => phase === "held" && reason?.code === "held_by_user");
  await ask(page, id, "release");
  await untilJob(page, id, "it waits again", ({ phase }) => phase === "queued");
  await ask(page, id, "cancel");
  assert.equal((await ended(page, { id })).outcome, "cancelled");
  const over = await Promise.all(started.map((job) => ended(page, job, 180_000)));
  over.forEach(({ outcome, exit_code: code }, at) => {
    const [lines, expected, expectedCode = code] = endings[at];
    assert.deepEqual([outcome, code], [expected, expectedCode], lines.join("\n"));
  });
  return over;
}

/** Waits until the output on a job's page holds a line. */
export async function seeOutput(page, portal, { id }, line) {
  await page.goto(`${portal.origin}/jobs/${id}`);
  const output = page.getByRole("region", { name: "Output" });
  await until(`${line} in the output`, async () => line.test(await output.innerText()), { limitMs: 30_000 });
}

/** The same by command line, with a token of the person's at `page`. */
export async function walkCommandLine(portal, page) {
  const { status, body } = await callApi(page, "POST", "/tokens", { name: freshName("walk"), expires_in_days: 1 });
  assert.equal(status, 201, JSON.stringify(body));
  const variables = { MYKSC_SERVER: portal.origin, MYKSC_TOKEN: body.token };
  const job = async (args, input) => {
    const said = await portal.run(["job", ...args, "--json"], input, variables);
    return { code: said.code, said: said.stdout && JSON.parse(said.stdout), stderr: said.stderr };
  };
  const name = freshName("line");
  const good = await job(["submit", "--system", "testbed", "--name", name, "--wait"], "#!/bin/bash\necho by hand\n");
  assert.equal(good.code, 0, good.stderr);
  assert.equal((await job(["show", name])).said.outcome, "succeeded");
  assert.match((await portal.run(["job", "record", name], "", variables)).stdout, new RegExp(name));
  assert.equal((await portal.run(["job", "output", name], "", variables)).stdout, "by hand\n");
  const bad = await job(["submit", "--system", "testbed", "--wait"], "#!/bin/bash\nexit 3\n");
  assert.equal(bad.code, 1, "it failed");
  const waits = (await job(["submit", "--system", "testbed"], "#!/bin/bash\n#SBATCH --begin=now+1hour\ntrue\n")).said;
  await untilJob(page, waits.id, "it waits", ({ phase }) => phase === "queued");
  for (const [action, phase] of [["hold", "held"], ["release", "queued"], ["cancel", "ended"]]) {
    assert.equal((await job([action, waits.id])).code, 0, action);
    await untilJob(page, waits.id, action, (one) => one.phase === phase);
  }
  const over = (await job(["submit", "--system", "testbed", "--queue", "debug", "--walltime", "10:00:00"], "#!/bin/bash\ntrue\n")).stderr;
  assert.match(over, /the queue allows 00:10:00/);
}
