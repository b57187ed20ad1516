// Apps that nobody uses: a tab that nobody touches does not keep JupyterLab, a cell that runs without a tab does.

import assert from "node:assert/strict";

import { assertNoFaults, picture, signIn } from "./support/browser.js";
import { journey } from "./support/journey.js";
import { kernelIdle, newNotebook, waitForLauncher } from "./support/jupyterlab.js";
import { assertAccessible, textOf } from "./support/looks.js";
import { callApi, cardOf, launchJupyterLab, openApp, waitForPhase } from "./support/pages.js";
import { until } from "./support/until.js";

/** Long enough to press something while an end is announced. */
const SHORT = { config: "[apps.idle]\nafter_secs = 24\nwarn_secs = 12\n" };
const LIMITS = { timeout: 300_000, portal: SHORT };

journey("an untouched notebook is stopped with its reason after a warning, a running cell goes on", LIMITS, async ({ portal, profile, page }) => {
  await profile.grantPermissions(["notifications"], { origin: portal.origin });
  const said = await notifications(page);
  await signIn(page, portal);
  const busy = await launchJupyterLab(page, "busy-lab");
  await waitForPhase(busy, "ready");
  const lab = await openApp(profile, busy);
  await waitForLauncher(lab);
  await newNotebook(lab);
  await lab.locator(".jp-Notebook .cm-content").first().click();
  await lab.keyboard.type("import time; time.sleep(3600)");
  await lab.keyboard.press("Shift+Enter");
  await lab.locator("#jp-main-statusbar").getByText(/\| Busy$/).waitFor();
  await lab.close();

  // Its tab stays open, with a kernel that waits: the page asks the server again and again.
  const quiet = await launchJupyterLab(page, "quiet-lab");
  await waitForPhase(quiet, "ready");
  const untouched = await openApp(profile, quiet);
  await untouched.waitForURL(/\/lab/);
  // Else it would show the other one's notebook: both keep their windows in the same home folder.
  await untouched.goto(new URL("/lab?reset", untouched.url()).href);
  await waitForLauncher(untouched);
  await newNotebook(untouched);
  await kernelIdle(untouched);
  const asked = [];
  untouched.on("request", (request) => asked.push(new URL(request.url()).pathname));

  const timer = quiet.getByRole("timer");
  await timer.waitFor({ timeout: 90_000 });
  assert.match(await timer.innerText(), /^Stops in (1[0-2]|\d) sec, not in use$/);
  await until("the window's title tells of it", async () => /^quiet-lab stops in \d+ sec · /.test(await page.title()));
  assert.match((await said())[0], /^quiet-lab stops in /);
  const shown = await timer.innerText();
  await until("it counts down", async () => (await timer.innerText()) !== shown);
  await picture(page, "app-about-to-stop");
  await quiet.getByRole("button", { name: "Keep running" }).click();
  await timer.waitFor({ state: "detached" });
  await until("the window's title is as it was", async () => !/stops in/.test(await page.title()));
  assert.equal(await quiet.getAttribute("data-phase"), "ready");

  // This time nobody presses anything.
  await timer.waitFor({ timeout: 90_000 });
  await waitForPhase(quiet, "stopped");
  assert.ok(asked.includes("/api/kernels"), "the open tab asked all the time");
  assert.match(await quiet.innerText(), /Stopped because it was not in use since /);
  const apps = (await callApi(page, "GET", "/apps")).body.items;
  assert.deepEqual(apps.map(({ name, phase, auto_stop }) => [name, phase, auto_stop?.cause ?? null]), [
    ["busy-lab", "ready", null],
    ["quiet-lab", "stopped", "idle"],
  ]);
  await untouched.close();
  await quiet.getByRole("button", { name: "Start" }).click();
  await waitForPhase(quiet, "ready");
  assertNoFaults(profile, [/\.localhost/]);
});

/** An app that nobody needs to open, which answers at once. */
const SERVER = { template: "command", values: { command: "exec python3 -m http.server --bind 127.0.0.1 $PORT" } };
const PHONE = { language: "ko-KR", width: 360, height: 780, theme: "dark" };
const LIVES = { config: "[apps.idle]\nafter_secs = 40\nwarn_secs = 30\n" };

journey("the warning is told in Korean on a phone, too, and one press keeps the app", { timeout: 120_000, portal: LIVES, profile: PHONE }, async ({ portal, profile, page }) => {
  await signIn(page, portal);
  assert.equal((await callApi(page, "POST", "/apps", { ...SERVER, name: "small" })).status, 202);
  const card = cardOf(page, "small");
  const timer = card.getByRole("timer");
  await timer.waitFor({ timeout: 90_000 });
  assert.match(await timer.innerText(), /^사용하지 않아 \d+초 뒤에 종료됩니다$/);
  await assertAccessible(page, "auto-stop");
  const keep = card.getByRole("button", { name: textOf("ko", "apps.auto_stop.keep") });
  const box = await keep.boundingBox();
  assert.ok(box.x >= 0 && box.x + box.width <= PHONE.width && box.height >= 24, JSON.stringify(box));
  await keep.focus();
  await page.keyboard.press("Enter");
  await timer.waitFor({ state: "detached" });
  assertNoFaults(profile);
});

/** What the page gives to the browser to tell; headless browsers show it to nobody. */
async function notifications(page) {
  await page.addInitScript(() => {
    window.said = [];
    const Shown = window.Notification;
    window.Notification = class extends Shown {
      constructor(title, options) {
        super(title, options);
        window.said.push(title);
      }
    };
  });
  return () => page.evaluate(() => window.said);
}
