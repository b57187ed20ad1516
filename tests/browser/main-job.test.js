// What people come for, from signing in to signing out everywhere: a notebook, an upload, a job that reads it, with a line
// that breaks and a portal that dies on the way.

import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { assertNoFaults, picture, signIn } from "./support/browser.js";
import { digest, MIB, writeRandom } from "./support/data.js";
import { journey } from "./support/journey.js";
import { kernelSockets, newNotebook, openSockets, runCode, saveAs, waitForLauncher } from "./support/jupyterlab.js";
import { callApi, cardOf, launchJupyterLab, openApp, waitForPhase } from "./support/pages.js";
import { until } from "./support/until.js";

const DATA = "대용량 자료 200.bin";
const SIZE_MIB = 200;
// Slow enough that there is a middle to cut in.
const BYTES_PER_SECOND = 48 * MIB;
// Tells the sum of what it reads, and goes on until the file `enough` is there.
const COMMAND = `sha256sum < "$INPUT_1"
until [ -e enough ]; do sleep 0.1; done
echo enough now
exit 7`;
// What the design promises for the end of open connections; a browser needs some of it to tell us.
const CUT_LIMIT_MS = 1_000;

const LONG = { timeout: 480_000, portal: { line: true } };

journey("a person works in JupyterLab, uploads 200 MB, and has a job read them, while line and portal fail", LONG, async (all) => {
  const { portal, profile, page } = all;
  await signIn(page, portal);
  const { lab, sockets, before } = await workInJupyterLab(portal, profile, page);
  await page.goto(`${portal.origin}/files`);
  await page.getByRole("row", { name: /answer\.ipynb/ }).waitFor();
  assertNoFaults(profile);

  const sum = await upload(portal, profile, page);
  const job = await submitReader(portal, page, sum);

  // Both outlive the portal, and the pages that are open go on by themselves.
  await portal.kill();
  await until("the notebook lost its connections", () => sockets.size === 0);
  await portal.start();
  await writeFile(join(portal.home, "enough"), "");
  await page.getByRole("main").getByText("failed, exit code 7", { exact: true }).waitFor();
  const output = await page.getByRole("region", { name: "Output" }).innerText();
  assert.deepEqual(output.trim().split("\n"), [`${sum}  -`, "enough now"]);
  const ended = (await callApi(page, "GET", `/jobs/${job.id}`)).body;
  assert.equal(ended.started_at, job.started_at);
  await page.goto(portal.origin);
  await waitForPhase(cardOf(page, "my-lab"), "ready");
  // JupyterLab asks again after 10 to 30 seconds, as it pleases.
  await until("the notebook is connected again", () => kernelSockets(sockets) > 0, { limitMs: 60_000 });
  assert.equal(await runCode(lab, "print(os.getpid(), mark)"), before);

  await signOutEverywhere(all, lab, sockets);
});

/** Launches JupyterLab, runs a notebook in it and saves it; gives its window, the connections of that, and what marks the kernel. */
async function workInJupyterLab(portal, profile, page) {
  const card = await launchJupyterLab(page, "my-lab");
  assert.deepEqual(await waitForPhase(card, "ready"), ["starting", "ready"]);
  const lab = await openApp(profile, card);
  const sockets = openSockets(lab);
  await waitForLauncher(lab);
  const address = new URL(lab.url());
  assert.match(address.hostname, /^[a-z0-9-]+\.localhost$/);
  assert.equal(address.port, new URL(portal.origin).port);
  assert.doesNotMatch(address.href, /ticket/);

  await newNotebook(lab);
  assert.equal((await runCode(lab, "print(6*7)")).trim(), "42");
  await saveAs(lab, "answer.ipynb");
  await picture(lab, "jupyterlab");
  const notebook = JSON.parse(await readFile(join(portal.home, "answer.ipynb"), "utf8"));
  assert.deepEqual(notebook.cells[0].outputs[0].text, ["42\n"]);
  const before = await runCode(lab, "import os, random; mark = random.random(); print(os.getpid(), mark)");
  return { lab, sockets, before };
}

/** Uploads a large file while line and portal are cut in its middle; gives its sum. */
async function upload(portal, profile, page) {
  const source = join(portal.folder, DATA);
  await writeRandom(source, SIZE_MIB);
  const patches = [];
  page.on("request", (request) => {
    if (request.method() === "PATCH") patches.push(Number(request.headers()["upload-offset"]));
  });
  const devtools = await profile.newCDPSession(page);
  await devtools.send("Network.enable");
  const pace = { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: BYTES_PER_SECOND };
  await devtools.send("Network.emulateNetworkConditions", pace);

  await page.locator("input[type=file][multiple]").first().setInputFiles(source);
  const bar = page.getByRole("progressbar", { name: DATA });
  await percentAbove(bar, 15);
  await portal.line.cut();
  await until("the page notices the cut", () => profile.faults.some((fault) => fault.startsWith("request: PATCH")));
  await portal.line.mend();
  await percentAbove(bar, 55);
  await portal.kill();
  await portal.start();
  await page.getByRole("listitem").and(page.locator("[data-phase=done]")).waitFor({ timeout: 120_000 });
  await page.getByRole("row", { name: DATA }).waitFor();
  await devtools.detach();

  const [sent, arrived] = await Promise.all([digest(source), digest(join(portal.home, DATA))]);
  assert.equal(arrived, sent);
  assert.ok(patches.some((offset) => offset >= 0.1 * SIZE_MIB * MIB), `went on at ${patches}`);
  assert.ok(patches.some((offset) => offset >= 0.5 * SIZE_MIB * MIB), `went on at ${patches}`);
  assert.ok(patches.indexOf(0) === patches.lastIndexOf(0), `began again: ${patches}`);
  const ofLine = [/ERR_(CONNECTION_|SOCKET_NOT_CONNECTED|EMPTY_RESPONSE|INCOMPLETE_CHUNKED)/, /status of (409|423|503)/];
  // JupyterLab has its own ways to tell that its server is away.
  assertNoFaults(profile, [...ofLine, /\/\/[a-z0-9-]+\.localhost:/]);
  return sent;
}

async function percentAbove(bar, wanted) {
  await until(`${wanted} % of the upload`, async () => Number(await bar.getAttribute("aria-valuenow")) >= wanted, {
    limitMs: 60_000,
    everyMs: 20,
  });
}

/** Submits a job that reads the upload, and waits until it told the sum; leaves the page at the running job. */
async function submitReader(portal, page, sum) {
  await page.goto(`${portal.origin}/jobs/new`);
  const form = page.getByRole("form", { name: "New job" });
  await form.getByRole("textbox", { name: "Job name" }).fill("reader");
  await form.getByRole("button", { name: "Add a file" }).click();
  await page.getByRole("dialog", { name: "Add a file" }).getByRole("button", { name: DATA }).click();
  await form.getByRole("textbox", { name: "Your part" }).fill(COMMAND);
  await form.getByRole("button", { name: "Submit job" }).click();
  await page.getByRole("heading", { level: 1, name: "reader" }).waitFor();
  await page.getByRole("region", { name: "Output" }).getByText(sum).waitFor();
  const job = (await callApi(page, "GET", `/jobs/${page.url().split("/").at(-1)}`)).body;
  assert.equal(job.phase, "running");
  return job;
}

/** Signs out everywhere while the notebook is open: its connections are cut, and its window asks who is there. */
async function signOutEverywhere({ context, portal, profile }, lab, sockets) {
  const account = await profile.newPage();
  await account.goto(`${portal.origin}/account`);
  await account.getByRole("button", { name: "Sign out everywhere" }).click();
  const confirm = account.getByRole("dialog").getByRole("button", { name: "Sign out everywhere" });
  const signedOut = account.waitForResponse((answer) => answer.request().method() === "DELETE" && answer.url().endsWith("/sessions"));
  assert.ok(kernelSockets(sockets) > 0);
  await confirm.click();
  await signedOut;
  const asked = Date.now();
  await until("every connection of the notebook is cut", () => sockets.size === 0, { limitMs: CUT_LIMIT_MS, everyMs: 10 });
  context.diagnostic(`cut ${Date.now() - asked} ms after the answer`);
  await lab.reload({ waitUntil: "commit" });
  await lab.waitForURL(/\/sign-in/);
}
