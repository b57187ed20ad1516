// The very first start: the portal makes an account and prints how to sign in, once.

import assert from "node:assert/strict";

import { signIn } from "./support/browser.js";
import { journey } from "./support/journey.js";

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
