// The portal dies and comes back under an open notebook and a running job; then the person signs out everywhere.

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { signIn } from "./support/browser.js";
import { journey } from "./support/journey.js";
import { kernelSockets, newNotebook, openSockets, runCode, waitForLauncher } from "./support/jupyterlab.js";
import { callApi, cardOf, launchJupyterLab, openApp, submit, waitForPhase } from "./support/pages.js";
import { until } from "./support/until.js";

// What the design promises for the end of open connections; a browser needs some of it to tell us.
const CUT_LIMIT_MS = 1_000;

journey("an app and a job go on when the portal is killed, and signing out everywhere cuts the notebook", { timeout: 300_000 }, async ({ context, portal, profile, page }) => {
  await signIn(page, portal);
  const card = await launchJupyterLab(page, "my-lab");
  await waitForPhase(card, "ready");
  const lab = await openApp(profile, card);
  const sockets = openSockets(lab);
  await waitForLauncher(lab);
  await newNotebook(lab);
  const before = await runCode(lab, "import os, random; mark = random.random(); print(os.getpid(), mark)");
  const job = await submitUntilTold(page);

  await portal.kill();
  await until("the notebook lost its connections", () => sockets.size === 0);
  await portal.start();

  await waitForPhase(cardOf(page, "my-lab"), "ready");
  // JupyterLab asks again after 10 to 30 seconds, as it pleases.
  await until("the notebook is connected again", () => kernelSockets(sockets) > 0, { limitMs: 60_000 });
  assert.equal(await runCode(lab, "print(os.getpid(), mark)"), before);

  const still = (await callApi(page, "GET", `/jobs/${job.id}`)).body;
  assert.equal(still.phase, "running");
  assert.equal(still.started_at, job.started_at);
  await writeFile(join(portal.home, "enough"), "");
  const ended = await until("the job ends", async () => {
    const now = (await callApi(page, "GET", `/jobs/${job.id}`)).body;
    return now.phase === "ended" && now;
  });
  assert.equal(ended.exit_code, 7);
  const output = (await callApi(page, "GET", `/jobs/${job.id}/output?stream=stdout&offset=0`)).body.text;
  assert.equal(output.match(/began/g).length, 1, output);
  assert.match(output, /enough now/);

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
});

/** Submits a job that runs until the file `enough` is in the home folder, and waits until it runs. */
async function submitUntilTold(page) {
  const command = "echo began\nuntil [ -e enough ]; do sleep 0.1; done\necho enough now\nexit 7";
  const { id } = await submit(page, { name: "patient", command });
  return until("the job runs", async () => {
    const { body } = await callApi(page, "GET", `/jobs/${id}`);
    return body.phase === "running" && body;
  });
}
