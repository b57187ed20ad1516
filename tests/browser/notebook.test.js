// The main journey: from signing in to a saved notebook.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";

import { assertNoFaults, newProfile, picture, signIn, startBrowser } from "./support/browser.js";
import { newNotebook, runCode, saveAs, waitForLauncher } from "./support/jupyterlab.js";
import { startPortal } from "./support/portal.js";

describe("a person opens a notebook", { timeout: 240_000 }, () => {
  test("signs in, launches JupyterLab, works in it through the gateway and finds the file", async (context) => {
    const [portal, browser] = await Promise.all([startPortal(context), startBrowser(context)]);
    const profile = await newProfile(browser);
    const page = await profile.newPage();
    await signIn(page, portal);

    await page.getByRole("link", { name: /Open a notebook|^App/ }).first().click();
    await page.waitForURL(/\/apps\/new/);
    const dialog = page.getByRole("dialog", { name: "New app" });
    await dialog.getByRole("button", { name: /^JupyterLab/ }).click();
    await dialog.getByLabel("Name").fill("my-lab");
    await dialog.getByRole("button", { name: "Start JupyterLab" }).click();

    const card = page.getByRole("article", { name: "my-lab" });
    const seen = new Set();
    const phase = () => card.getAttribute("data-phase");
    await card.waitFor();
    seen.add(await phase());
    await card.and(page.locator("[data-phase=ready]")).waitFor({ timeout: 60_000 });
    assert.ok(seen.has("starting"), `the card was first seen as ${[...seen]}`);
    await picture(page, "dashboard");

    const [lab] = await Promise.all([profile.waitForEvent("page"), card.getByRole("link", { name: /my-lab/ }).click()]);
    await waitForLauncher(lab);
    const address = new URL(lab.url());
    assert.match(address.host, new RegExp(`^[a-z0-9-]+\\.localhost:${portal.port}$`));
    assert.doesNotMatch(address.href, /ticket/);
    await newNotebook(lab);
    assert.equal((await runCode(lab, "print(6*7)")).trim(), "42");
    await saveAs(lab, "answer.ipynb");
    await picture(lab, "jupyterlab");

    const notebook = JSON.parse(await readFile(join(portal.home, "answer.ipynb"), "utf8"));
    assert.deepEqual(notebook.cells[0].outputs[0].text, ["42\n"]);
    assertNoFaults(profile, [/api\/contents\/.*404|404.*api\/contents/]);
  });
});
