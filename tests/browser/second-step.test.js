// Two-step sign-in with a passkey, for which Chromium's own virtual authenticator stands (Web Authentication, section
// 11), and with an authenticator app and recovery codes.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";

import { assertNoFaults, signIn } from "./support/browser.js";
import { journey } from "./support/journey.js";
import { callApi } from "./support/pages.js";
import { authenticator } from "./support/totp.js";

const AUTHENTICATOR = {
  protocol: "ctap2",
  transport: "internal",
  hasResidentKey: true,
  hasUserVerification: true,
  isUserVerified: true,
  automaticPresenceSimulation: true,
};

journey("a person adds a passkey and is let in by it the next time", { timeout: 90_000 }, async ({ portal, profile, page }) => {
  const devtools = await profile.newCDPSession(page);
  await devtools.send("WebAuthn.enable");
  await devtools.send("WebAuthn.addVirtualAuthenticator", { options: AUTHENTICATOR });
  await signIn(page, portal);

  await page.goto(`${portal.origin}/account`);
  await page.getByRole("button", { name: "Add a passkey" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Present password").fill(portal.account.password);
  await dialog.getByRole("button", { name: "Continue" }).click();
  await page.getByRole("button", { name: "I have kept them" }).click();
  await page.getByRole("button", { name: /^Delete passkey/ }).waitFor();
  const { body } = await callApi(page, "GET", "/factors");
  if (body.passkeys.length !== 1) throw new Error(JSON.stringify(body));

  await beginAnew(page, portal);
  await page.getByRole("button", { name: "Use a passkey" }).click();
  await page.waitForURL(`${portal.origin}/`);
  assertNoFaults(profile);
});

journey("a person sets an authenticator app up, gets in by a recovery code, and turns it off", { timeout: 240_000 }, async ({ portal, profile, page }) => {
  await signIn(page, portal);
  await page.goto(`${portal.origin}/account`);
  const section = page.getByRole("region", { name: "Two-step sign-in" });
  await section.getByText("Off", { exact: true }).waitFor();
  await section.getByRole("button", { name: "Set up" }).click();
  const dialog = page.getByRole("dialog");
  const password = dialog.locator("input[autocomplete~=current-password]");
  for (const [typed, isRight] of [["not my password", false], [portal.account.password, true]]) {
    await password.fill(typed);
    await dialog.getByRole("button", { name: "Continue" }).click();
    if (!isRight) await dialog.getByText("This is not your present password.").waitFor();
  }
  const picture = dialog.getByRole("img", { name: "QR code for the authenticator app" });
  await picture.waitFor();
  assert.ok(await picture.evaluate((image) => image.decode().then(() => image.naturalWidth > 0)));
  const secret = (await dialog.locator("code").innerText()).replaceAll(" ", "");
  const link = new URL(await dialog.getByRole("link", { name: "Open in an app on this device" }).getAttribute("href"));
  assert.deepEqual([link.protocol, link.searchParams.get("secret")], ["otpauth:", secret]);

  const phone = authenticator(secret);
  const code = dialog.getByRole("textbox", { name: "Six-digit code" });
  await code.fill("000000");
  await dialog.getByText(/code is not right/).waitFor();
  await code.fill(phone.next());
  const listed = dialog.getByRole("list", { name: "Recovery codes" }).locator("code");
  await listed.first().waitFor();
  const codes = await listed.allInnerTexts();
  assert.equal(new Set(codes).size, 10);
  const [file] = await Promise.all([page.waitForEvent("download"), dialog.getByRole("button", { name: "Save as a file" }).click()]);
  const kept = await readFile(await file.path(), "utf8");
  assert.ok(codes.every((one) => kept.includes(one)), kept);
  // What is shown only once is not lost by a stray key.
  await page.keyboard.press("Escape");
  await dialog.getByRole("button", { name: "I have kept them" }).click();
  await dialog.waitFor({ state: "detached" });
  await section.getByText("10 recovery codes are left.").waitFor();

  await beginAnew(page, portal);
  await page.getByRole("button", { name: "Use a recovery code" }).click();
  await page.getByRole("textbox", { name: "Recovery code" }).fill(codes[3]);
  await page.locator("form button[type=submit]").click();
  await page.waitForURL(`${portal.origin}/`);
  await page.goto(`${portal.origin}/account`);
  await section.getByText("9 recovery codes are left.").waitFor();
  await section.getByRole("button", { name: "Turn off" }).click();
  await dialog.getByRole("textbox", { name: "Six-digit code" }).fill(phone.next());
  await dialog.getByRole("button", { name: "Turn off" }).click();
  await section.getByText("Off", { exact: true }).waitFor();
  // A wrong password and a wrong code are answers of 422, which Chromium reports.
  assertNoFaults(profile, [/status of 4(22|01) .*\/factors\/totp(\/confirm)?\)$/]);
});

/** Signs out and gives the password again, after which a second step is due. */
async function beginAnew(page, portal) {
  await callApi(page, "DELETE", "/session");
  await page.goto(portal.origin);
  await page.waitForURL(/\/sign-in/);
  await page.locator("input[autocomplete~=username]").fill(portal.account.name);
  await page.locator("input[autocomplete~=current-password]").fill(portal.account.password);
  await page.locator("form button[type=submit]").click();
  await page.getByRole("heading", { name: "One more step" }).waitFor();
}
