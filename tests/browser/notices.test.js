// What the centre tells everybody, and the system that a person chooses at the door.

import assert from "node:assert/strict";

import { assertNoFaults, newProfile, signIn } from "./support/browser.js";
import { journey } from "./support/journey.js";
import { callApi } from "./support/pages.js";

const WORK = { en: "Maintenance on Friday from 18:00.", ko: "금요일 18시부터 점검합니다." };

journey("a notice is read at the door, put away on the dashboard, and told to everybody else", { timeout: 240_000 }, async ({ portal, browser, profile, page }) => {
  const added = await portal.run(["admin", "notice", "add", "--kind", "maintenance", "--en", WORK.en, "--ko", WORK.ko]);
  assert.equal(added.code, 0, added.stderr);
  const korean = await newProfile(browser, { language: "ko" });
  const door = await korean.newPage();
  await door.goto(`${portal.origin}/sign-in`);
  await door.getByRole("list", { name: "공지" }).getByText(WORK.ko).waitFor();

  await page.goto(`${portal.origin}/sign-in`);
  const board = page.getByRole("list", { name: "Notices" });
  await board.getByText(WORK.en).waitFor();
  assert.equal(await board.getByRole("button").count(), 0);
  await signIn(page, portal);
  await board.getByRole("button", { name: `Put away: ${WORK.en}` }).click();
  await board.waitFor({ state: "detached" });
  await page.reload();
  await page.getByRole("region", { name: "Jobs now" }).waitFor();
  assert.equal(await board.count(), 0);
  await door.reload();
  await door.getByText(WORK.ko).waitFor();
  for (const each of [profile, korean]) assertNoFaults(each);
});

journey("an operator writes a notice, sees it shown, and removes it", { timeout: 240_000 }, async ({ portal, profile, page }) => {
  const given = await portal.run(["admin", "user", "role", portal.account.name, "operator"]);
  assert.equal(given.code, 0, given.stderr);
  await signIn(page, portal);
  await page.getByRole("link", { name: "Operate" }).click();
  await page.getByRole("link", { name: "Notices" }).click();
  await page.getByText("There are no notices.").waitFor();

  const form = page.getByRole("form", { name: "New notice" });
  await form.getByRole("button", { name: "Publish" }).click();
  await form.getByText("This is needed.").first().waitFor();
  assert.equal(await form.locator("textarea[aria-invalid=true]").count(), 2);
  await form.getByRole("textbox", { name: "Korean text" }).fill(WORK.ko);
  await form.getByRole("textbox", { name: "English text" }).fill(WORK.en);
  await form.getByLabel("Shown from").fill("2030-01-05T18:00");
  await form.getByLabel("Shown until").fill("2030-01-05T09:00");
  await form.getByRole("button", { name: "Publish" }).click();
  await form.getByText("The end lies before the start.").waitFor();
  await form.getByLabel("Shown from").fill("");
  await form.getByRole("button", { name: "Publish" }).click();
  const row = page.getByRole("row", { name: WORK.en });
  await row.getByText("Shown", { exact: true }).waitFor();
  assert.equal(await form.getByRole("textbox", { name: "English text" }).inputValue(), "");

  await page.getByRole("link", { name: "Dashboard" }).click();
  await page.getByRole("list", { name: "Notices" }).getByText(WORK.en).waitFor();
  await page.goto(`${portal.origin}/notices`);
  await row.getByRole("button", { name: `Remove “${WORK.en}”` }).click();
  await page.getByRole("dialog", { name: "Remove this notice?" }).getByRole("button", { name: "Remove" }).click();
  await page.getByText("There are no notices.").waitFor();
  assert.deepEqual((await callApi(page, "GET", "/site")).body.notices, []);
  // The portal's word on the fields of the form is an answer of 422, which Chromium reports.
  assertNoFaults(profile, [/status of 422 .*\/notices\)$/]);
});

journey("the system that is chosen at the door is the one that a new job begins with", { timeout: 180_000 }, async ({ portal, profile, page }) => {
  // This machine is the only system; a second one is made up on the way to the browser.
  const far = { id: "far", title: { en: "Far away", ko: "먼 시스템" } };
  const add = async (route, path, further) => {
    const answer = await route.fetch();
    const json = await answer.json();
    const list = path(json);
    list.push({ ...list[0], ...far, ...further });
    await route.fulfill({ response: answer, json });
  };
  await page.route("**/api/v1/site", (route) => add(route, ({ systems }) => systems, { uses: ["jobs"] }));
  await page.route("**/api/v1/systems", (route) => add(route, ({ items }) => items, {}));
  await page.route("**/api/v1/systems/far/**", async (route) => {
    const url = route.request().url().replace("/far/", "/local/");
    await route.fulfill({ response: await route.fetch({ url }) });
  });

  await page.goto(`${portal.origin}/sign-in`);
  const choice = page.getByRole("combobox", { name: "System" });
  assert.equal(await choice.inputValue(), "This machine");
  await page.getByText("Interactive apps and batch jobs run here.").waitFor();
  await choice.click();
  await page.getByRole("option", { name: "Far away" }).click();
  await page.getByText("Batch jobs run here.", { exact: false }).waitFor();
  await signIn(page, portal);
  await page.goto(`${portal.origin}/jobs/new`);
  assert.equal(await page.getByRole("combobox", { name: "System" }).inputValue(), "far");
  await page.goto(portal.origin);
  await callApi(page, "DELETE", "/session");
  await page.goto(`${portal.origin}/sign-in`);
  assert.equal(await choice.inputValue(), "Far away");
  // The dashboard, which was signed out under its feet, was still asking.
  assertNoFaults(profile, [/status of 401 .*\/api\/v1\//]);
});
