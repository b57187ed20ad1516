// The command line is let in by a browser (RFC 8628): the code that it shows, and what the person decides.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createInterface } from "node:readline";

import { assertNoFaults } from "./support/browser.js";
import { journey } from "./support/journey.js";

journey("a command line that signs in is let in by the person who started it, or is not", { timeout: 240_000 }, async ({ context, portal, profile, page }) => {
  const first = await login(context, portal);
  // The link leads there by way of the sign-in.
  await page.goto(`${first.codes.verification_uri}?code=${first.codes.user_code}`);
  await page.waitForURL(/\/sign-in/);
  await page.locator("input[autocomplete~=username]").fill(portal.account.name);
  await page.locator("input[autocomplete~=current-password]").fill(portal.account.password);
  await page.locator("form button[type=submit]").click();
  await page.waitForURL(/\/device/);
  await page.getByText(first.codes.user_code, { exact: true }).waitFor();
  await page.getByText("Kim (kim)", { exact: true }).waitFor();
  await page.getByRole("button", { name: "Approve" }).click();
  await page.getByRole("heading", { name: "The command line is let in" }).waitFor();
  assert.equal(await first.ended, 0);
  const who = await portal.run(["whoami", "--json"]);
  assert.equal(JSON.parse(who.stdout).user.name, "kim", who.stderr);
  await page.goto(`${portal.origin}/account`);
  await page.getByRole("button", { name: /^Delete token/ }).waitFor();

  // Typed by hand, in whatever way, on a phone.
  const second = await login(context, portal);
  await page.setViewportSize({ width: 360, height: 780 });
  await page.goto(`${portal.origin}/device`);
  const field = page.getByRole("textbox", { name: "Code" });
  await field.fill("bcd");
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByText("The code has eight letters.").waitFor();
  await field.fill(second.codes.user_code.replace("-", " ").toLowerCase());
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByRole("button", { name: "Deny" }).click();
  await page.getByRole("heading", { name: "Denied" }).waitFor();
  assert.notEqual(await second.ended, 0);

  // A code is good once.
  await page.goto(`${portal.origin}/device?code=${second.codes.user_code}`);
  await page.getByText(/^No command line waits with the code/).waitFor();
  assertNoFaults(profile, [/status of 404 .*\/device\/.*\)$/]);
});

/** Starts the sign-in of a command line; gives the codes that it shows and how it will end. */
async function login(context, portal) {
  const child = portal.spawn(["login", "--json", "--server", portal.origin]);
  context.after(() => child.kill());
  const ended = once(child, "close").then(([code]) => code);
  const lines = createInterface(child.stdout);
  const [line] = await once(lines, "line");
  return { codes: JSON.parse(line), ended };
}
