// The first minutes: what the very first start prints, what the dashboard says and leads to, and how it looks.

import assert from "node:assert/strict";

import { assertNoFaults, signIn } from "./support/browser.js";
import { journey } from "./support/journey.js";
import { textOf } from "./support/looks.js";
import { callApi, launchCommand } from "./support/pages.js";

const FIRST = { timeout: 120_000, portal: { account: null } };

journey("what the very first start prints lets the person in, and is printed once", FIRST, async ({ portal, page }) => {
  await signIn(page, portal);
  await page.getByRole("heading", { level: 1 }).waitFor();

  const { password } = portal.account;
  await portal.stop();
  portal.log.length = 0;
  await portal.start();
  assert.ok(portal.log.some((line) => line.startsWith("Portal: ")));
  assert.ok(!portal.log.some((line) => line.startsWith("Sign in: ") || line.includes(password)));
  await page.reload();
  await page.getByRole("heading", { level: 1 }).waitFor();
  assert.equal(new URL(page.url()).pathname, "/");
});

journey("the dashboard tells contract and use, opens files and batch in windows of their own, and changes language and theme", { timeout: 120_000 }, async ({ portal, profile, page }) => {
  await signIn(page, portal);
  await page.getByText("No contract", { exact: true }).waitFor();
  await page.getByText("The whole machine is open to you. Your centre sets a period and limits.").waitFor();
  await page.getByText("A budget comes with a contract.").waitFor();
  await page.getByRole("heading", { name: "Interactive · of the whole machine" }).waitFor();
  await page.getByRole("meter", { name: /^CPU: 0 of \d+$/ }).waitFor();

  await setContract(portal);
  await page.reload();
  await page.getByText("80 days left", { exact: true }).waitFor();
  const passed = page.getByRole("meter", { name: "Time passed of the contract" });
  assert.equal(await passed.getAttribute("aria-valuenow"), "60");
  await page.getByText("60,000 SRU hours").waitFor();
  await page.getByRole("heading", { name: "Interactive", exact: true }).waitFor();
  await page.getByRole("meter", { name: "CPU: 0 of 4" }).waitFor();
  await launchCommand(page, "sleeper", "exec sleep 900");
  for (const name of ["CPU: 1 of 4", "Memory: 1 GiB of 16 GiB", "GPU: none"]) await page.getByRole("meter", { name }).waitFor();

  for (const [place, title, path] of [["Files", "Files", "/files"], ["Batch", "Jobs", "/jobs"]]) {
    const card = page.getByRole("link", { name: `${place} (opens in its own window)` });
    const [opened] = await Promise.all([profile.waitForEvent("page"), card.click()]);
    await opened.getByRole("heading", { level: 1, name: title }).waitFor();
    assert.equal(opened.url(), portal.origin + path);
    await opened.close();
  }
  await changeLooks(page);
  assertNoFaults(profile);
});

/** A contract of 200 days, of which 120 are over. */
async function setContract(portal) {
  const day = (days) => new Date(Date.now() + days * 86_400_000).toISOString();
  const limits = ["--cpu", "4", "--memory", "16Gi", "--budget", "60000"];
  const set = await portal.run(["admin", "contract", "set", portal.account.name, "--starts", day(-120), "--ends", day(80), ...limits]);
  assert.equal(set.code, 0, set.stderr);
}

/** Changes language and theme in the bar; the page is not loaded anew for it, and both are kept. */
async function changeLooks(page) {
  const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await ground();
  await page.evaluate(() => (globalThis.isSamePage = true));
  await page.getByRole("button", { name: "한국어" }).click();
  await page.getByRole("heading", { name: textOf("ko", "dashboard.space") }).waitFor();
  await page.getByText(textOf("ko", "dashboard.contract.days_left_other", { shown: 80 })).waitFor();
  await page.getByRole("button", { name: textOf("ko", "common.nav.more") }).click();
  await page.getByRole("radiogroup", { name: textOf("ko", "common.theme.title") }).getByText(textOf("ko", "common.theme.dark")).click();
  await page.locator("html[data-mantine-color-scheme=dark]").waitFor();
  const dark = await ground();
  assert.notEqual(dark, light);
  assert.equal(await page.evaluate(() => globalThis.isSamePage), true);

  await page.reload();
  await page.getByRole("heading", { name: textOf("ko", "dashboard.space") }).waitFor();
  assert.equal(await page.evaluate(() => globalThis.isSamePage), undefined);
  assert.equal(await ground(), dark);
}

journey("a new password takes the tokens with it, unless the person clears the box", { timeout: 60_000 }, async ({ portal, profile, page }) => {
  await signIn(page, portal);
  const tokens = async () => (await callApi(page, "GET", "/tokens")).body.items.length;
  for (const name of ["laptop", "cluster"]) await callApi(page, "POST", "/tokens", { name, expires_in_days: 1 });
  await page.goto(`${portal.origin}/account`);
  const box = page.getByRole("checkbox", { name: "Also delete my 2 API tokens" });
  const change = async (current, wanted) => {
    const values = { "Present password": current, "New password": wanted, "New password once more": wanted };
    for (const [label, value] of Object.entries(values)) await page.getByLabel(label, { exact: true }).fill(value);
    await page.getByRole("button", { name: "Change password" }).click();
    await page.getByText("Password changed.").waitFor();
  };
  const { password } = portal.account;
  await box.uncheck();
  await change(password, "first new one");
  assert.equal(await tokens(), 2);
  await page.reload();
  assert.ok(await box.isChecked());
  await change("first new one", password);
  await page.getByText("You have no tokens.").waitFor();
  await box.waitFor({ state: "detached" });
  assert.equal(await tokens(), 0);
  assertNoFaults(profile);
});
