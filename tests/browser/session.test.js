// The session ends in the middle of work: what was typed outlives it, and is nobody else's.

import assert from "node:assert/strict";

import { newProfile, signIn } from "./support/browser.js";
import { journey } from "./support/journey.js";
import { callApi } from "./support/pages.js";
import { until } from "./support/until.js";

const COMMAND = "echo 계산을 시작합니다\nsleep 5";

journey("a session that ends while the batch form is filled in loses nothing, and signing out leaves nothing", { timeout: 180_000 }, async ({ portal, page }) => {
  await signIn(page, portal);
  await page.goto(`${portal.origin}/jobs/new`);
  const form = page.getByRole("form", { name: "New job" });
  const [name, command] = [form.getByRole("textbox", { name: "Job name" }), form.getByRole("textbox", { name: "Your part" })];
  await name.fill("half-typed");
  await command.fill(COMMAND);

  // Not through the page, which does not know of it.
  assert.ok((await callApi(page, "DELETE", "/session")).status < 300);
  const again = page.getByRole("dialog", { name: "Sign in again" });
  await again.waitFor();
  await again.locator("input[autocomplete~=current-password]").fill(portal.account.password);
  await again.locator("form button[type=submit]").click();
  await again.waitFor({ state: "detached" });
  assert.deepEqual([await name.inputValue(), await command.inputValue()], ["half-typed", COMMAND]);
  const head = form.getByLabel("Head of the script, made by the form");
  await name.fill("typed-whole");
  await until("the form goes on in the new session", async () => /typed-whole/.test(await head.innerText()));

  await page.reload();
  await until("the draft is there after a reload", async () => (await command.inputValue()) === COMMAND);

  await page.getByRole("button", { name: "Your account" }).click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await page.waitForURL(/\/sign-in/);
  assert.equal(await page.evaluate(() => JSON.stringify(localStorage).includes("sleep 5")), false);
  await signIn(page, portal);
  await page.goto(`${portal.origin}/jobs/new`);
  await name.waitFor();
  assert.equal(await command.inputValue(), "");
});

journey("a person signs another browser out, and has her apps stopped when she signs out herself", { timeout: 180_000 }, async ({ portal, browser, page }) => {
  await signIn(page, portal);
  const elsewhere = await (await newProfile(browser)).newPage();
  await signIn(elsewhere, portal);
  const launched = await callApi(page, "POST", "/apps", { template: "command", name: "goes-on", values: { command: "exec sleep 600" } });
  assert.equal(launched.status, 202, JSON.stringify(launched.body));

  await page.goto(`${portal.origin}/account`);
  const others = page.getByRole("region", { name: "Signed in" }).getByRole("listitem").filter({ hasNotText: "this browser" });
  await others.getByRole("button", { name: /^Sign out/ }).click();
  await others.waitFor({ state: "detached" });
  await elsewhere.reload();
  await elsewhere.waitForURL(/\/sign-in/);

  const account = page.getByRole("button", { name: "Your account" });
  await page.getByRole("radio", { name: "Stop them" }).check();
  await page.getByRole("region", { name: "When you sign out" }).getByText("Saved").waitFor();
  await account.click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await page.waitForURL(/\/sign-in/);
  await signIn(page, portal);
  await until("the app is stopped", async () => (await callApi(page, "GET", "/apps")).body.items[0].phase === "stopped");
});
