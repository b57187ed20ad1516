// Two-step sign-in with a passkey. Chromium's own virtual authenticator stands for the device (Web Authentication,
// section 11).

import { assertNoFaults, signIn } from "./support/browser.js";
import { journey } from "./support/journey.js";
import { callApi } from "./support/pages.js";

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

  await callApi(page, "DELETE", "/session");
  await page.goto(portal.origin);
  await page.waitForURL(/\/sign-in/);
  await page.locator("input[autocomplete~=username]").fill(portal.account.name);
  await page.locator("input[autocomplete~=current-password]").fill(portal.account.password);
  await page.locator("form button[type=submit]").click();
  await page.getByRole("heading", { name: "One more step" }).waitFor();
  await page.getByRole("button", { name: "Use a passkey" }).click();
  await page.waitForURL(`${portal.origin}/`);
  assertNoFaults(profile);
});
