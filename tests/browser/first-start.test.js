// The first minutes: what the very first start prints, and finding one's way by keyboard alone.

import assert from "node:assert/strict";

import { assertNoFaults, newProfile, signIn } from "./support/browser.js";
import { journey } from "./support/journey.js";
import { callApi, submit } from "./support/pages.js";

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

const SEARCHES = {
  en: { title: "Search", page: "Files", action: "한국어", after: "ko", none: "Nothing fits “zzz”." },
  ko: { title: "검색", page: "파일", action: "English", after: "en", none: "‘zzz’에 맞는 것이 없습니다." },
};

journey("the quick search is found, used and left by keyboard alone, in both languages", { timeout: 120_000 }, async ({ portal, browser, page: first }) => {
  await signIn(first, portal);
  const job = await submit(first, { name: "렌더링-1", command: "true" });
  for (const [language, words] of Object.entries(SEARCHES)) {
    const profile = await newProfile(browser, { language });
    const page = await profile.newPage();
    await signIn(page, portal);
    // What is in use is shown once the page listens to the keyboard, too.
    await page.getByText("CPU", { exact: true }).waitFor();
    const dialog = page.getByRole("dialog", { name: words.title });
    const chosen = dialog.getByRole("option", { selected: true });
    const search = async (text) => {
      await page.keyboard.press("Control+k");
      await dialog.getByRole("combobox").and(page.locator(":focus")).waitFor();
      await page.keyboard.insertText(text);
    };

    await search("zzz");
    await dialog.getByText(words.none).waitFor();
    await page.keyboard.press("Enter");
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "hidden" });
    assert.equal(new URL(page.url()).pathname, "/");

    // Each opening begins anew; the arrows go round.
    await search("");
    const labels = await dialog.getByRole("option").allInnerTexts();
    await page.keyboard.press("ArrowUp");
    assert.equal(await chosen.innerText(), labels.at(-1));
    await page.keyboard.press("ArrowDown");
    assert.equal(await chosen.innerText(), labels[0]);
    await page.keyboard.insertText(words.page);
    await chosen.filter({ hasText: words.page }).waitFor();
    await page.keyboard.press("Enter");
    await page.waitForURL(`${portal.origin}/files`);
    await dialog.waitFor({ state: "hidden" });

    // Decomposed, as some keyboards and file systems give it.
    await search("렌더".normalize("NFD"));
    await chosen.filter({ hasText: "렌더링-1" }).waitFor();
    await page.keyboard.press("Enter");
    await page.waitForURL(`${portal.origin}/jobs/${job.id}`);

    await search(words.action);
    await chosen.filter({ hasText: words.action }).waitFor();
    await page.keyboard.press("Enter");
    await page.locator(`html[lang=${words.after}]`).waitFor({ state: "attached" });
    assertNoFaults(profile);
    await profile.close();
  }
});
