// A page in the looks in which it is examined: both themes, wide and narrow.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import axe from "axe-core";

import { until } from "./until.js";

const STILL_MS = 400;

export const LANGUAGES = ["en", "ko"];

const THEMES = ["dark", "light"];
const SIZES = [
  { width: 360, height: 780 },
  { width: 1440, height: 900 },
];

/** The web UI's text in that language: `textOf("ko", "account.two_step.set_up", { … })`. */
export function textOf(language, key, values = {}) {
  const [namespace, ...path] = key.split(".");
  const file = fileURLToPath(new URL(`../../../web/src/i18n/${language}/${namespace}.json`, import.meta.url));
  const text = path.reduce((tree, part) => tree?.[part], JSON.parse(readFileSync(file, "utf8")));
  assert.equal(typeof text, "string", key);
  return text.replaceAll(/\{\{(\w+)\}\}/g, (_, name) => values[name]);
}

/**
 * What axe says of what the page shows, in both themes, wide and narrow, and whether anything is cut off; one line a
 * finding. `keep(theme, width)` is called in each look once the page has come to rest. The page ends light and wide.
 */
export async function examine(page, name, keep = () => {}) {
  const findings = [];
  for (const [size, theme] of SIZES.flatMap((size) => THEMES.map((theme) => [size, theme]))) {
    await page.setViewportSize(size);
    await page.emulateMedia({ colorScheme: theme });
    await settled(page);
    const look = `${name}-${theme}-${size.width}`;
    findings.push(...(await axeFindings(page, look)));
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    if (overflow > 0) findings.push(`${look}: ${overflow} px wider than the window`);
    await keep(theme, size.width);
  }
  return findings;
}

/** Fails where axe has something to say of what a page shows now, without waiting for it to come to rest. */
export async function assertAccessible(page, name) {
  assert.deepEqual(await axeFindings(page, name), []);
}

async function axeFindings(page, name) {
  if (!(await page.evaluate(() => "axe" in globalThis))) await page.evaluate(axe.source);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  return violations.map(({ id, nodes }) => `${name}: ${id}: ${nodes.map(({ target }) => target).join(" | ")}`);
}

/** Waits until nothing is loading and the page has kept its text for longer than its forms wait after a key. */
export async function settled(page) {
  let kept = "";
  let since = 0;
  await until("the page is settled", async () => {
    const text = await page.evaluate(() => {
      const waiting = document.querySelector("[aria-busy=true], .mantine-Skeleton-root, [data-loading=true]");
      return waiting || !document.querySelector("h1, [role=dialog]") ? "" : document.body.innerText;
    });
    if (text !== kept) since = Date.now();
    kept = text;
    return kept !== "" && Date.now() - since > STILL_MS;
  });
  await page.evaluate(() => document.fonts.ready);
}
