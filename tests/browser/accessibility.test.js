// Every page in both languages, both themes, wide and narrow: axe has nothing to say, and nothing is cut off.

import assert from "node:assert/strict";

import axe from "axe-core";

import { assertNoFaults, newProfile, picture, signIn } from "./support/browser.js";
import { journey } from "./support/journey.js";
import { until } from "./support/until.js";

const PAGES = { dashboard: "/", "new-app": "/apps/new", jobs: "/jobs", "new-job": "/jobs/new", files: "/files", account: "/account" };
const WIDTHS = [1440, 360];
const LANGUAGES = ["en", "ko"];
const THEMES = ["light", "dark"];

journey("axe finds nothing on any page", { timeout: 600_000 }, async ({ portal, browser }) => {
  const findings = [];
  for (const width of WIDTHS)
    for (const language of LANGUAGES)
      for (const theme of THEMES) {
        const profile = await newProfile(browser, { language, theme, width, height: width > 400 ? 900 : 780 });
        const page = await profile.newPage();
        const name = (what) => [what, language, theme, width].join("-");
        await page.goto(`${portal.origin}/sign-in`);
        findings.push(...(await look(page, name("sign-in"))));
        await signIn(page, portal);
        for (const [what, path] of Object.entries(PAGES)) {
          await page.goto(portal.origin + path);
          findings.push(...(await look(page, name(what))));
        }
        assertNoFaults(profile, [/status of (401|403|422)/]);
        await profile.close();
      }
  assert.deepEqual(findings, []);
});

async function look(page, name) {
  await settled(page);
  await picture(page, name);
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  const findings = violations.map(({ id, nodes }) => `${name}: ${id}: ${nodes.map(({ target }) => target).join(" | ")}`);
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  if (overflow > 0) findings.push(`${name}: ${overflow} px wider than the window`);
  return findings;
}

/** Waits until nothing is loading and the page has the same text twice. */
async function settled(page) {
  let last;
  await until("the page is settled", async () => {
    const now = await page.evaluate(() => {
      const waiting = document.querySelector("[aria-busy=true], .mantine-Skeleton-root, [data-loading=true]");
      return waiting || !document.querySelector("h1, [role=dialog]") ? null : document.body.innerText;
    });
    const same = now !== null && now === last;
    last = now;
    return same;
  });
  await page.evaluate(() => document.fonts.ready);
}
