// Chromium, and pages that remember what went wrong in them.

import assert from "node:assert/strict";
import { createHash, X509Certificate } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { chromium } from "playwright-core";

const IMAGES = join(dirname(fileURLToPath(import.meta.url)), "../../../docs/images");
const ARGUMENTS = [
  "--headless=new",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
const LIMIT_MS = 30_000;

/**
 * Starts Chromium for as long as `context` (a test or suite) lasts. `trusted` is a certificate (PEM) whose key it takes
 * from any server, as if one of its authorities had signed it.
 */
export async function startBrowser(context, { trusted } = {}) {
  const browser = await chromium.launch({
    executablePath: process.env.MYKSC_CHROMIUM ?? "/usr/bin/chromium",
    args: trusted ? [...ARGUMENTS, `--ignore-certificate-errors-spki-list=${keyHash(trusted)}`] : ARGUMENTS,
  });
  context.after(() => browser.close());
  return browser;
}

function keyHash(certificate) {
  const key = new X509Certificate(certificate).publicKey.export({ type: "spki", format: "der" });
  return createHash("sha256").update(key).digest("base64");
}

/** A browser profile of its own; `faults` collects what its pages and workers report. */
export async function newProfile(browser, { language = "en-GB", width = 1440, height = 900, theme = "light" } = {}) {
  const profile = await browser.newContext({
    locale: language,
    viewport: { width, height },
    colorScheme: theme,
    reducedMotion: "reduce",
  });
  profile.setDefaultTimeout(LIMIT_MS);
  const faults = [];
  profile.on("weberror", (error) => faults.push(`exception: ${error.error().stack ?? error.error()}`));
  profile.on("console", (message) => {
    if (message.type() === "error") faults.push(`console: ${message.text()} (${message.location().url})`);
  });
  profile.on("requestfailed", (request) => {
    const reason = request.failure()?.errorText;
    // A page that is left cancels what it was loading.
    if (reason !== "net::ERR_ABORTED") faults.push(`request: ${request.method()} ${request.url()}: ${reason}`);
  });
  return Object.assign(profile, { faults });
}

/** Chromium reports the answer to "who is signed in?" when it is "nobody". */
const NOBODY_SIGNED_IN = /^console: .*status of 401 .*\/api\/v1\/session\)$/;

/** Fails when a page reported a fault that fits none of `expected`. */
export function assertNoFaults(profile, expected = []) {
  const patterns = [NOBODY_SIGNED_IN, ...expected];
  const surprises = profile.faults.filter((fault) => !patterns.some((pattern) => pattern.test(fault)));
  assert.deepEqual(surprises, []);
}

/** Signs in through the form and waits for the dashboard. */
export async function signIn(page, portal, { name, password } = portal.account) {
  await page.goto(portal.origin);
  await page.waitForURL(/\/sign-in/);
  await page.locator("input[autocomplete~=username]").fill(name);
  await page.locator("input[autocomplete~=current-password]").fill(password);
  await page.locator("form button[type=submit]").click();
  await page.waitForURL(`${portal.origin}/`);
}

/** Keeps a picture for the documentation, where `SCREENSHOTS=1` asks for it. */
export async function picture(page, name) {
  if (process.env.SCREENSHOTS !== "1") return;
  await mkdir(IMAGES, { recursive: true });
  await page.screenshot({ path: join(IMAGES, `${name}.png`), animations: "disabled" });
}
