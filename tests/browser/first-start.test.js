// The very first start: the portal makes an account and prints how to sign in, once.

import assert from "node:assert/strict";
import { test } from "node:test";

import { newProfile, signIn, startBrowser } from "./support/browser.js";
import { startPortal } from "./support/portal.js";

test("what the very first start prints lets the person in, and is printed once", { timeout: 120_000 }, async (context) => {
  const [portal, browser] = await Promise.all([startPortal(context, { account: null }), startBrowser(context)]);
  const profile = await newProfile(browser);
  const page = await profile.newPage();
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
