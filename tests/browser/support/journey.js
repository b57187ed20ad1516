// A journey: a test with a portal, a browser and a page of its own, which tells what was on the screen when it fails.

import { mkdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { newProfile, startBrowser } from "./browser.js";
import { startPortal } from "./portal.js";

const FAILURES = join(tmpdir(), "myksc-browser-failures");

/**
 * Runs `walk({ context, portal, browser, profile, page })` as a test. `settings.portal` goes to `startPortal` (a function
 * makes it of the test's context), `settings.profile` to `newProfile`; what is left are limits of the test.
 */
export function journey(name, { portal: portalSettings, profile: profileSettings, ...limits }, walk) {
  test(name, limits, async (context) => {
    const wanted = typeof portalSettings === "function" ? await portalSettings(context) : portalSettings;
    const starts = [startPortal(context, wanted), startBrowser(context)];
    // Where one of them does not start, the other is there for the test's end to close.
    await Promise.allSettled(starts);
    const [portal, browser] = await Promise.all(starts);
    const profile = await newProfile(browser, profileSettings);
    const page = await profile.newPage();
    try {
      await walk({ context, portal, browser, profile, page });
    } catch (error) {
      await tell(context, portal, browser);
      throw error;
    }
  });
}

async function tell(context, portal, browser) {
  const folder = join(FAILURES, context.name.replaceAll(/[^a-zA-Z0-9]+/g, "-").slice(0, 60));
  await mkdir(folder, { recursive: true });
  const lines = [];
  for (const profile of browser.contexts()) {
    for (const page of profile.pages()) {
      lines.push(`page ${page.url()}`);
      await page.screenshot({ path: join(folder, `page-${lines.length}.png`), timeout: 5_000 }).catch(() => {});
    }
    lines.push(...(profile.faults ?? []));
  }
  lines.push("", "The portal wrote:", ...portal.log);
  await writeFile(join(folder, "report.txt"), `${lines.join("\n")}\n`);
  context.diagnostic(`what was on the screen: ${folder}`);
  for (const line of lines.slice(0, 60)) context.diagnostic(line);
}
