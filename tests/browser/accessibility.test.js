// Every page in both languages, both themes, wide and narrow: axe has nothing to say, and nothing is cut off.

import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

import axe from "axe-core";

import { assertNoFaults, newProfile, picture, signIn } from "./support/browser.js";
import { journey } from "./support/journey.js";
import { callApi, submit } from "./support/pages.js";
import { until } from "./support/until.js";

const WIDTHS = [1440, 360];
const LANGUAGES = ["en", "ko"];
const THEMES = ["light", "dark"];
const STILL_MS = 400;

journey("axe finds nothing on any page", { timeout: 900_000 }, async ({ portal, browser, page: first }) => {
  await signIn(first, portal);
  const pages = await furnish(portal, first);
  const findings = [];
  for (const width of WIDTHS)
    for (const language of LANGUAGES)
      for (const theme of THEMES) {
        const look = { language, theme, width };
        const profile = await newProfile(browser, { ...look, height: width > 400 ? 900 : 780 });
        const page = await profile.newPage();
        await page.goto(`${portal.origin}/sign-in`);
        findings.push(...(await examine(page, "sign-in", look)));
        await signIn(page, portal);
        for (const [name, path] of Object.entries(pages)) {
          await page.goto(portal.origin + path);
          findings.push(...(await examine(page, name, look)));
        }
        assertNoFaults(profile, [/status of 404 .*\/nowhere\)$/]);
        await profile.close();
      }
  assert.deepEqual(findings, []);
});

/** Gives the person a contract, files, apps and jobs in different states; gives the pages to look at. */
async function furnish(portal, page) {
  const day = (days) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);
  const contract = ["--starts", day(-120), "--ends", day(80), "--cpu", "4", "--memory", "16Gi", "--budget", "60000"];
  const answer = await portal.run(["admin", "contract", "set", portal.account.name, ...contract]);
  assert.equal(answer.code, 0, answer.stderr);
  for (const name of ["연구 자료", "results"]) await mkdir(join(portal.home, name));
  for (const name of ["측정값 2026.csv", "train.py", "notes.md"]) await writeFile(join(portal.home, name), `${name}\n`.repeat(200));

  const lab = await launch(page, { template: "jupyter", name: "my-lab", values: {} });
  const broken = await launch(page, { template: "command", name: "viewer", values: { command: "echo cannot read the model >&2; exit 3" } });
  const done = await submit(page, { name: "preprocess", command: "seq 1 40" });
  await submit(page, { name: "train-failed", command: "echo out of data >&2; exit 1" });
  await until("the apps are where they end up", async () => {
    const { body } = await callApi(page, "GET", "/apps");
    const phase = ({ id }) => body.items.find((app) => app.id === id).phase;
    return phase(lab) === "ready" && phase(broken) === "failed";
  }, { limitMs: 60_000 });
  await until("the jobs have ended", async () => {
    const { body } = await callApi(page, "GET", "/jobs?state=ended&limit=10");
    return body.items.length === 2;
  });
  await submit(page, { name: "train", command: "sleep 900" });
  await submit(page, { name: "렌더링", command: "sleep 900" });
  await submit(page, { name: "render-2", command: "sleep 900" });
  return {
    dashboard: "/",
    "new-app": "/apps/new",
    app: `/apps/${lab.id}`,
    "failed-app": `/apps/${broken.id}`,
    jobs: "/jobs",
    "new-job": "/jobs/new",
    job: `/jobs/${done.id}`,
    files: "/files",
    account: "/account",
    nowhere: "/nowhere",
  };
}

async function launch(page, what) {
  const resources = { cpu_millis: 1000, memory_bytes: 2 * 1024 ** 3, gpus: 0 };
  const { status, body } = await callApi(page, "POST", "/apps", { resources, ...what });
  assert.equal(status, 202, JSON.stringify(body));
  return body;
}

async function examine(page, what, { language, theme, width }) {
  const name = [what, language, theme, width].join("-");
  await settled(page);
  if (isKept(what, language, theme, width)) await picture(page, name);
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  const findings = violations.map(({ id, nodes }) => `${name}: ${id}: ${nodes.map(({ target }) => target).join(" | ")}`);
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  if (overflow > 0) findings.push(`${name}: ${overflow} px wider than the window`);
  return findings;
}

/** Waits until nothing is loading and the page has kept its text for longer than its forms wait after a key. */
async function settled(page) {
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

/** The pictures that the documentation keeps: every page in light, the dashboard also in dark and on a phone. */
function isKept(what, language, theme, width) {
  if (what === "dashboard") return width > 400 || (language === "en") === (theme === "light");
  return theme === "light" && width > 400;
}
