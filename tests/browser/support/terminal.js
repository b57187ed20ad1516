// The terminal's page as a person types in it.

import { until } from "./until.js";

/** Waits until the page shows a shell that says something. */
export async function terminalOf(page) {
  await page.locator(".xterm-helper-textarea").waitFor({ state: "attached" });
  await until("the shell's prompt", async () => (await screen(page)).trim() !== "");
  return page;
}

/** Types a line. */
export async function say(page, line) {
  await page.locator(".xterm-helper-textarea").focus();
  await page.keyboard.type(`${line}\n`);
}

/** Waits until a text stands on the screen. */
export async function shows(page, text) {
  await until(`the terminal shows ${text}`, async () => (await screen(page)).includes(text));
}

/** What stands on the screen; letters of two columns are one. */
async function screen(page) {
  const rows = await page.locator(".xterm-rows > div").allInnerTexts();
  return rows.map((row) => `${row.replaceAll("\u00a0", " ").trimEnd()}\n`).join("");
}
