// Apps: what can be done with one on its card, in its menu and on its page, and what the card says when it fails.

import assert from "node:assert/strict";
import { access, readFile, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { assertNoFaults, signIn } from "./support/browser.js";
import { journey } from "./support/journey.js";
import { callApi, cardOf, launchCommand, openApp, waitForPhase } from "./support/pages.js";
import { until } from "./support/until.js";

const [PHONE, DESK] = [{ width: 360, height: 740 }, { width: 1440, height: 900 }];
// Waits for the file `go`, and is a web server then; fails where there is no file `model` by that time.
const COMMAND = `echo "loading the model"
until [ -e go ]; do sleep 0.1; done
[ -e model ] || { echo "cannot read the model: 모델 없음" >&2; exit 3; }
exec python3 -m http.server --bind 127.0.0.1 "$PORT"`;

journey("an app fails, is started, stopped, restarted, renamed, read and deleted on the pages", { timeout: 180_000, profile: PHONE }, async ({ portal, profile, page }) => {
  await signIn(page, portal);
  const card = await launchCommand(page, "viewer", COMMAND);
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await assertInView(page, card);
  await page.setViewportSize(DESK);

  const [go, model] = ["go", "model"].map((name) => join(portal.home, name));
  await writeFile(go, "");
  await waitForPhase(card, "failed");
  assert.equal(await card.getByRole("status").innerText(), "The program ended by itself with exit code 3. The log says more.");
  const lines = (await card.getByLabel("Last lines of its log").innerText()).split("\n");
  assert.deepEqual(lines, ["loading the model", "cannot read the model: 모델 없음"]);

  await unlink(go);
  await writeFile(model, "");
  await card.getByRole("button", { name: "Start again" }).click();
  await card.getByText("waiting for its answer").first().waitFor();
  await card.getByRole("button", { name: "Stop" }).click();
  await waitForPhase(card, "stopped");
  await card.getByRole("button", { name: "Start" }).click();
  await writeFile(go, "");
  await waitForPhase(card, "ready");
  const window = await openApp(profile, card);
  await window.getByRole("link", { name: "model" }).waitFor();
  await window.close();

  await chooseOf(page, card, "Restart");
  await until("the app was launched once more", async () => (await theApp(page)).generation === 4);
  await waitForPhase(card, "ready");
  await rename(page, card);
  await readAndStop(page);
  await remove(page);
  await access(model);
  // Its own web server has no icon.
  assertNoFaults(profile, [/status of 404 .*\/favicon\.ico\)$/]);
});

/** On a phone the dashboard's top fills the screen; the card of what was launched is shown all the same. */
async function assertInView(page, card) {
  const tabs = page.getByRole("navigation").last();
  await until("the whole card is above the tabs", async () => {
    const [seen, below] = await Promise.all([card.boundingBox(), tabs.boundingBox()]);
    return seen.y >= 0 && seen.y + seen.height <= below.y;
  });
}

/** Chooses from the menu of the app in `place`. */
async function chooseOf(page, place, item) {
  await place.getByRole("button", { name: /^Actions for / }).click();
  await page.getByRole("menuitem", { name: item }).click();
}

/** The only app, as the API tells it. */
async function theApp(page) {
  const { items } = (await callApi(page, "GET", "/apps")).body;
  assert.equal(items.length, 1);
  return items[0];
}

/** Gives the app another name, after one that may not be. */
async function rename(page, card) {
  await chooseOf(page, card, "Rename");
  const dialog = page.getByRole("dialog", { name: "Rename viewer" });
  const name = dialog.getByRole("textbox", { name: "New name" });
  await name.fill("No Name");
  await dialog.getByRole("button", { name: "Rename" }).click();
  await dialog.getByText("Use 3 to 40 characters: a–z, 0–9 and -.").waitFor();
  assert.equal(await name.inputValue(), "No Name");
  await name.fill("model-viewer");
  await dialog.getByRole("button", { name: "Rename" }).click();
  await cardOf(page, "model-viewer").waitFor();
  await card.waitFor({ state: "detached" });
  await page.reload();
  await waitForPhase(cardOf(page, "model-viewer"), "ready");
}

/** Reads the app's log on its page and takes it away, and stops the app there. */
async function readAndStop(page) {
  await chooseOf(page, cardOf(page, "model-viewer"), "Details and log");
  await page.getByRole("heading", { level: 1, name: "model-viewer" }).waitFor();
  const log = page.getByRole("region", { name: "Log" });
  await log.getByText("GET / HTTP/1.1").first().waitFor();
  await page.getByRole("definition").filter({ hasText: /^(control groups|resource limits) \(/ }).waitFor();
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Download" }).click()]);
  assert.equal(download.suggestedFilename(), "model-viewer.log");
  assert.match(await readFile(await download.path(), "utf8"), /^loading the model\n(.*\n)*.*GET \/ HTTP\/1\.1/);

  await page.getByRole("button", { name: "Stop" }).click();
  await page.getByText("End of the log").waitFor();
  await page.getByRole("main").getByText("Stopped", { exact: true }).waitFor();
}

/** Deletes the app on its page, which leads back to the dashboard. */
async function remove(page) {
  await chooseOf(page, page.getByRole("main"), "Delete");
  const dialog = page.getByRole("dialog", { name: "Delete model-viewer?" });
  await dialog.getByRole("button", { name: "Cancel" }).click();
  await dialog.waitFor({ state: "detached" });
  assert.equal((await theApp(page)).name, "model-viewer");
  await chooseOf(page, page.getByRole("main"), "Delete");
  await dialog.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("heading", { name: "Your space" }).waitFor();
  await cardOf(page, "model-viewer").waitFor({ state: "detached" });
  await until("the app is gone", async () => (await callApi(page, "GET", "/apps")).body.items.length === 0);
}
