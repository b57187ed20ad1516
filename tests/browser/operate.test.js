// What operators do: finding a person, ending what she has open, locking her, and reading who did what.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";

import { assertNoFaults, newProfile, signIn } from "./support/browser.js";
import { journey } from "./support/journey.js";
import { callApi } from "./support/pages.js";
import { authenticator } from "./support/totp.js";

const LEE = { name: "lee", displayName: "이서연", password: "quiet-river-4410" };

async function beOperator(portal) {
  const { code, stderr } = await portal.run(["admin", "user", "role", portal.account.name, "operator"]);
  assert.equal(code, 0, stderr);
}

journey("an operator finds a person, ends her sessions, resets her second step, locks and unlocks her", { timeout: 180_000 }, async ({ portal, browser, profile, page }) => {
  const operator = portal.account;
  await beOperator(portal);
  await portal.addAccount(LEE);
  const hers = await newProfile(browser, { language: "ko" });
  const lee = await hers.newPage();
  await signIn(lee, portal, LEE);
  const { body: begun } = await callApi(lee, "POST", "/factors/totp", { password: LEE.password });
  const phone = authenticator(begun.secret);
  assert.equal((await callApi(lee, "POST", "/factors/totp/confirm", { code: phone.next() })).status, 200);
  const isSignedIn = () => lee.evaluate(async () => (await fetch("/api/v1/session", { headers: { "X-Background": "1" } })).ok);

  await signIn(page, portal, operator);
  await page.getByRole("link", { name: "Operate" }).click();
  await page.getByRole("searchbox", { name: "Name or user ID" }).fill("서연");
  await page.waitForURL(/query=/);
  await page.getByRole("row").filter({ hasText: "lee" }).getByText("May sign in").waitFor();
  await page.getByRole("link", { name: LEE.displayName }).click();
  await page.getByRole("heading", { level: 1, name: LEE.displayName }).waitFor();

  /** Presses a button of the page and the one of the dialog that it opens. */
  const order = async (label, title, done, reason) => {
    await page.getByRole("button", { name: label, exact: true }).click();
    const dialog = page.getByRole("dialog", { name: title });
    if (reason) await dialog.getByRole("textbox", { name: /^Reason/ }).fill(reason);
    await dialog.getByRole("button", { name: label, exact: true }).click();
    await page.getByText(done).waitFor();
    await dialog.waitFor({ state: "detached" });
  };
  assert.ok(await isSignedIn());
  await order("End sessions", `End all sessions of ${LEE.displayName}?`, `All sessions of ${LEE.displayName} have ended.`);
  assert.equal(await isSignedIn(), false);
  await page.getByText("Not signed in anywhere.").waitFor();

  await enterPassword(lee, portal);
  await lee.getByRole("heading", { name: "2단계 인증" }).waitFor();
  await order("Reset second step", `Reset the second step of ${LEE.displayName}?`, `The second step of ${LEE.displayName} was reset.`);
  await page.getByRole("button", { name: "Reset second step" }).waitFor({ state: "detached" });
  await enterPassword(lee, portal);
  await lee.waitForURL(`${portal.origin}/`);

  await page.reload();
  await order("Lock", `Lock ${LEE.displayName}?`, `${LEE.displayName} is locked.`, "left the centre");
  await page.getByText("left the centre").waitFor();
  assert.equal(await isSignedIn(), false);
  await enterPassword(lee, portal);
  await lee.getByText("이름 또는 비밀번호가 올바르지 않습니다.", { exact: false }).waitFor();
  await order("Unlock", `Unlock ${LEE.displayName}?`, `${LEE.displayName} may sign in again.`);
  await enterPassword(lee, portal);
  await lee.waitForURL(`${portal.origin}/`);

  // Her own account has no such buttons.
  await page.getByRole("link", { name: "All people" }).click();
  await page.getByRole("searchbox", { name: "Name or user ID" }).fill(operator.name);
  await page.getByRole("link", { name: "Kim", exact: true }).click();
  await page.getByRole("button", { name: "End sessions" }).waitFor();
  assert.equal(await page.getByRole("button", { name: "Lock", exact: true }).count(), 0);
  assertNoFaults(profile);
});

journey("an operator searches the audit log and takes it away", { timeout: 240_000 }, async ({ portal, profile, page }) => {
  await beOperator(portal);
  for (const password of ["wrong-1", "wrong-2"]) await tryPassword(portal, "lee", password);
  await tryPassword(portal, portal.account.name, "wrong-3");
  await signIn(page, portal);
  await page.goto(`${portal.origin}/audit`);
  const table = page.getByRole("table", { name: "Audit log" });
  const rows = table.locator("tbody tr");
  await rows.nth(3).waitFor();

  const filters = page.getByRole("form", { name: "Filters" });
  await filters.getByRole("textbox", { name: "Who" }).fill("lee");
  await page.waitForURL(/actor=lee/);
  await table.getByText("Wrong name or password").first().waitFor();
  await page.waitForFunction(() => document.querySelectorAll("tbody tr").length === 2);

  // The address holds the search; a cell that is pressed narrows it.
  await page.goto(`${portal.origin}/audit`);
  await table.getByRole("button", { name: "Wrong name or password" }).first().click();
  await page.waitForURL(/outcome=wrong_credentials/);
  await page.waitForFunction(() => document.querySelectorAll("tbody tr").length === 3);
  await page.reload();
  await page.waitForFunction(() => document.querySelectorAll("tbody tr").length === 3);

  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "Export" }).click()]);
  const lines = (await readFile(await download.path(), "utf8")).trimEnd().split("\n").map((line) => JSON.parse(line));
  assert.deepEqual(lines.map(({ actor, outcome }) => [actor, outcome]), [
    ["lee", "wrong_credentials"],
    ["lee", "wrong_credentials"],
    ["kim", "wrong_credentials"],
  ]);
  assert.ok(!JSON.stringify(lines).includes("wrong-1"));
  await filters.getByRole("button", { name: "Clear filters" }).click();
  await rows.filter({ hasText: "Export audit log" }).waitFor();
  assertNoFaults(profile);
});

async function enterPassword(page, portal) {
  await page.goto(`${portal.origin}/sign-in`);
  await page.locator("input[autocomplete~=username]").fill(LEE.name);
  await page.locator("input[autocomplete~=current-password]").fill(LEE.password);
  await page.locator("form button[type=submit]").click();
}

async function tryPassword(portal, name, password) {
  const answer = await fetch(`${portal.origin}/api/v1/session`, {
    method: "POST",
    headers: { "Content-Type": "application/json", Origin: portal.origin },
    body: JSON.stringify({ name, password }),
  });
  assert.equal(answer.status, 401);
}
