// The main journey: from signing in to a saved notebook.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { assertNoFaults, picture, signIn } from "./support/browser.js";
import { journey } from "./support/journey.js";
import { newNotebook, runCode, saveAs, waitForLauncher } from "./support/jupyterlab.js";
import { launchJupyterLab, openApp, waitForPhase } from "./support/pages.js";
import { until } from "./support/until.js";

const PHONE = { width: 360, height: 740 };

journey("on a phone, too, the card of what was launched is in view", { timeout: 60_000, profile: PHONE }, async ({ portal, profile, page }) => {
  await signIn(page, portal);
  const card = await launchJupyterLab(page, "pocket-lab");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  const tabs = page.getByRole("navigation").last();
  await until("the whole card is above the tabs", async () => {
    const [seen, below] = await Promise.all([card.boundingBox(), tabs.boundingBox()]);
    return seen.y >= 0 && seen.y + seen.height <= below.y;
  });
  await waitForPhase(card, "ready");
  assertNoFaults(profile);
});

journey("a person signs in, launches JupyterLab, works in it and finds the saved notebook", { timeout: 240_000 }, async ({ portal, profile, page }) => {
  await signIn(page, portal);

  const card = await launchJupyterLab(page, "my-lab");
  assert.deepEqual(await waitForPhase(card, "ready"), ["starting", "ready"]);

  const lab = await openApp(profile, card);
  await waitForLauncher(lab);
  const address = new URL(lab.url());
  assert.match(address.hostname, /^[a-z0-9-]+\.localhost$/);
  assert.equal(Number(address.port), portal.port);
  assert.doesNotMatch(address.href, /ticket/);

  await newNotebook(lab);
  assert.equal((await runCode(lab, "print(6*7)")).trim(), "42");
  await saveAs(lab, "answer.ipynb");
  await picture(lab, "jupyterlab");

  const notebook = JSON.parse(await readFile(join(portal.home, "answer.ipynb"), "utf8"));
  assert.deepEqual(notebook.cells[0].outputs[0].text, ["42\n"]);
  await page.goto(`${portal.origin}/files`);
  await page.getByRole("row", { name: /answer\.ipynb/ }).waitFor();
  assertNoFaults(profile);
});
