// The keyboard alone: from signing in to a submitted job, and the quick search.

import assert from "node:assert/strict";

import { assertNoFaults, newProfile, signIn } from "./support/browser.js";
import { journey } from "./support/journey.js";
import { cardOf, submit } from "./support/pages.js";

/** More places than any page has. */
const MOST_PLACES = 100;

journey("a person signs in, launches, renames and deletes an app and submits a job without a mouse", { timeout: 120_000 }, async ({ portal, profile, page }) => {
  const { keyboard } = page;
  await page.goto(portal.origin);
  await page.locator("input[autocomplete~=username]:focus").waitFor();
  await keyboard.type(portal.account.name);
  await fill(page, page.locator("input[autocomplete~=current-password]"), portal.account.password);
  await keyboard.press("Enter");
  await page.waitForURL(`${portal.origin}/`);

  await press(page, page.getByRole("link", { name: /^App/ }));
  const dialog = page.getByRole("dialog", { name: "New app" });
  await press(page, dialog.getByRole("button", { name: /^Own command/ }));
  await fill(page, dialog.getByRole("textbox", { name: "Name" }), "typed");
  await fill(page, dialog.getByRole("textbox", { name: "Command" }), "exec sleep 900");
  await press(page, dialog.getByRole("button", { name: "Start Own command" }));
  await cardOf(page, "typed").waitFor();

  await choose(page, cardOf(page, "typed"), "Rename");
  const rename = page.getByRole("dialog", { name: "Rename typed" });
  await fill(page, rename.getByRole("textbox", { name: "New name" }), "typed-again");
  await keyboard.press("Enter");
  await rename.waitFor({ state: "detached" });
  const card = cardOf(page, "typed-again");
  // Whoever has no pointer goes on where she was.
  await card.getByRole("button", { name: "Actions for typed-again" }).and(page.locator(":focus")).waitFor();
  await choose(page, card, "Delete");
  await press(page, page.getByRole("dialog", { name: "Delete typed-again?" }).getByRole("button", { name: "Delete" }));
  await card.waitFor({ state: "detached" });

  await keyboard.press("Control+k");
  await page.getByRole("combobox").and(page.locator(":focus")).waitFor();
  await keyboard.type("New job");
  await page.getByRole("option", { name: /New job/, selected: true }).waitFor();
  await keyboard.press("Enter");
  const form = page.getByRole("form", { name: "New job" });
  await fill(page, form.getByRole("textbox", { name: "Job name" }), "by-keys");
  await fill(page, form.getByRole("textbox", { name: "Your part" }), "echo typed");
  await press(page, form.getByRole("button", { name: "Submit job" }));
  await page.getByRole("heading", { level: 1, name: "by-keys" }).waitFor();
  await page.getByRole("main").getByText("done", { exact: true }).waitFor();
  await page.getByRole("region", { name: "Output" }).getByText("typed").waitFor();
  assertNoFaults(profile);
});

/** Walks to a place by Tab. */
async function walkTo(page, place) {
  await place.waitFor();
  for (let step = 0; step < MOST_PLACES; step += 1) {
    if (await place.evaluate((element) => element === document.activeElement)) return;
    await page.keyboard.press("Tab");
  }
  assert.fail(`the Tab key does not reach ${place}`);
}

async function press(page, button) {
  await walkTo(page, button);
  await page.keyboard.press("Enter");
}

/** Types over what stands in a field. */
async function fill(page, field, text) {
  await walkTo(page, field);
  await page.keyboard.press("Control+a");
  await page.keyboard.type(text);
}

/** Chooses from the menu of a card. */
async function choose(page, card, name) {
  await press(page, card.getByRole("button", { name: /^Actions for / }));
  const item = page.getByRole("menuitem", { name });
  await item.waitFor();
  for (let step = 0; step < MOST_PLACES; step += 1) {
    if (await item.evaluate((element) => element === document.activeElement)) break;
    await page.keyboard.press("ArrowDown");
  }
  await item.and(page.locator(":focus")).waitFor();
  await page.keyboard.press("Enter");
}

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
