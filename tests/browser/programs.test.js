// Apps of the catalogue besides JupyterLab, on one machine: a terminal, and RStudio as a stand-in takes its orders.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { assertNoFaults, signIn } from "./support/browser.js";
import { journey } from "./support/journey.js";
import { callApi, cardOf, openApp, waitForPhase } from "./support/pages.js";
import { say, shows, terminalOf } from "./support/terminal.js";
import { until } from "./support/until.js";

const RSTUDIO = fileURLToPath(new URL("support/rstudio", import.meta.url));

journey("a terminal is the person's, speaks Korean and goes on when its window closes", { timeout: 120_000 }, async ({ portal, profile, page }) => {
  await signIn(page, portal);
  const card = await launch(page, "shell", "terminal");
  const terminal = await terminalOf(await openApp(profile, card));
  await say(terminal, "there=here; printf '한글 %s\\n' $((6*7)) | tee note.txt");
  await shows(terminal, "한글 42");
  assert.equal(await readFile(join(portal.home, "note.txt"), "utf8"), "한글 42\n");

  // What is composed by an input method arrives as it was meant.
  await terminal.locator(".xterm-helper-textarea").focus();
  await terminal.keyboard.insertText("echo 가각");
  await say(terminal, "");
  await shows(terminal, "가각\n");

  await say(terminal, "stty size > size.txt");
  const size = () => readFile(join(portal.home, "size.txt"), "utf8");
  const [rows, columns] = (await until("the size", size)).trim().split(" ").map(Number);
  await terminal.setViewportSize({ width: 700, height: 400 });
  await until("the shell knows the new size", async () => {
    await say(terminal, "stty size > size.txt");
    const [fewer, narrower] = (await size()).trim().split(" ").map(Number);
    return fewer < rows && narrower < columns;
  });

  await terminal.close();
  const again = await terminalOf(await openApp(profile, card));
  await shows(again, "한글 42");
  await say(again, "echo still $there");
  await shows(again, "still here");

  await say(again, "exit");
  await again.getByRole("button", { name: "New shell" }).click();
  await say(again, "echo \"<$there>\"");
  await shows(again, "<>");
  assertNoFaults(profile);
});

const rstudio = { env: { PATH: `${RSTUDIO}:${process.env.PATH}` } };
journey("RStudio gets the orders that its documentation names", { timeout: 60_000, portal: rstudio }, async ({ portal, profile, page }) => {
  await signIn(page, portal);
  const card = await launch(page, "statistics", "rstudio");
  const opened = await openApp(profile, card);
  await opened.waitForURL((url) => url.pathname === "/" && /\.localhost$/.test(url.hostname));
  assert.equal(await opened.locator("#user").innerText(), portal.account.name);
  const [app] = (await callApi(page, "GET", "/apps")).body.items;
  assert.equal((await opened.locator("#session").innerText()).trim(), `--program-mode=server ${portal.home} kim ${app.id}`);
  assertNoFaults(profile);
});

async function launch(page, name, template) {
  const { status, body } = await callApi(page, "POST", "/apps", { template, name, values: {} });
  assert.equal(status, 202, JSON.stringify(body));
  const card = cardOf(page, name);
  await waitForPhase(card, "ready");
  return card;
}
