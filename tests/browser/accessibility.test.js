// Every page, the main dialogs and each step of a sign-in in both languages, both themes, wide and narrow: axe has nothing
// to say, and nothing is cut off.

import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { assertNoFaults, newProfile, picture, signIn } from "./support/browser.js";
import { journey } from "./support/journey.js";
import { examine, LANGUAGES, settled, textOf } from "./support/looks.js";
import { callApi, submit } from "./support/pages.js";
import { authenticator } from "./support/totp.js";
import { until } from "./support/until.js";

const NOTICE = { en: "Maintenance on Friday from 18:00.", ko: "금요일 18시부터 점검합니다." };
const LEE = { name: "lee", displayName: "이서연", password: "quiet-river-4410" };

journey("axe finds nothing on any page and in any of the main dialogs", { timeout: 1_500_000 }, async ({ portal, browser, page: first }) => {
  const operator = portal.account;
  await portal.addAccount(LEE);
  portal.account = operator;
  await signIn(first, portal);
  const pages = await furnish(portal, first);
  const lee = (await callApi(first, "GET", "/users?query=lee")).body.items[0];
  pages.person = `/people/${lee.id}`;
  const findings = [];
  await inEachLanguage(async (language) => {
    const profile = await newProfile(browser, { language });
    const page = await profile.newPage();
    const see = async (name) => findings.push(...(await examineAndKeep(page, name, language)));
    await page.goto(`${portal.origin}/sign-in`);
    await see("sign-in");
    await signIn(page, portal);
    for (const [name, path] of Object.entries(pages)) {
      await page.goto(portal.origin + path);
      await see(name);
    }
    for (const [name, { at, open }] of Object.entries(dialogs(language, pages))) {
      await page.goto(portal.origin + at);
      await settled(page);
      await open(page);
      await page.getByRole("dialog").waitFor();
      await see(name);
    }
    assertNoFaults(profile, [/status of 404 .*\/nowhere\)$/, /status of 401 .*\/api\/v1\//]);
    await profile.close();
  });
  assert.deepEqual(findings, []);
});

/** How each dialog is opened; the last one ends the session. */
function dialogs(language, pages) {
  const t = (key, values) => textOf(language, key, values);
  const press = (name) => (page) => page.getByRole("button", { name, exact: true }).click();
  const menu = (item) => async (page) => {
    await page.getByRole("button", { name: t("apps.action.menu", { name: "my-lab" }) }).click();
    await page.getByRole("menuitem", { name: t(`apps.action.${item}`) }).click();
  };
  return {
    "rename-app": { at: "/", open: menu("rename") },
    "delete-app": { at: "/", open: menu("delete") },
    "new-folder": { at: "/files", open: press(t("files.new_folder.action")) },
    enrol: { at: "/account", open: press(t("account.two_step.set_up")) },
    "new-token": {
      at: "/account",
      open: async (page) => {
        await page.getByRole("textbox", { name: t("account.tokens.name") }).fill("laptop");
        await press(t("account.tokens.create"))(page);
      },
    },
    "lock-person": { at: pages.person, open: press(t("operate.order.lock.label")) },
    "remove-notice": { at: "/notices", open: press(t("operate.notices.remove_this", { text: NOTICE[language] })) },
    search: { at: "/", open: (page) => page.keyboard.press("Control+k") },
    "sign-in-again": { at: "/", open: (page) => callApi(page, "DELETE", "/session") },
  };
}

const WITH_FACTOR = { config: '[sign_in]\nsecond_factor = "required"\n' };

journey("axe finds nothing in any step of a sign-in", { timeout: 600_000, portal: WITH_FACTOR }, async ({ portal, browser }) => {
  const findings = [];
  await inEachLanguage(async (language) => {
    const account = { ...LEE, name: `person-${language}` };
    await portal.addAccount(account);
    const profile = await newProfile(browser, { language });
    const page = await profile.newPage();
    const t = (key) => textOf(language, key);
    const see = async (name) => findings.push(...(await examineAndKeep(page, name, language)));

    await enterPassword(page, portal, account);
    await page.getByRole("heading", { name: t("signin.stage.enrolment") }).waitFor();
    const secret = await page.locator("code").first().innerText();
    await see("enrolment-step");
    await page.getByRole("textbox", { name: t("factors.code"), exact: true }).fill(authenticator(secret).next());
    await page.getByRole("heading", { name: t("signin.stage.codes") }).waitFor();
    await see("recovery-codes-step");
    await page.getByRole("button", { name: t("factors.codes.kept") }).click();
    await page.waitForURL(`${portal.origin}/`);

    await callApi(page, "DELETE", "/session");
    await enterPassword(page, portal, account);
    await page.getByRole("heading", { name: t("signin.stage.factor") }).waitFor();
    await see("factor-step");
    await page.getByRole("button", { name: t("signin.instead.recovery_code") }).click();
    await page.getByRole("textbox", { name: t("factors.recovery_code"), exact: true }).fill("not one of them");
    await page.locator("form button[type=submit]").click();
    await page.locator("[aria-invalid=true]").waitFor();
    await see("recovery-code-step");
    await profile.close();
  });
  assert.deepEqual(findings, []);
});

/** Does the work in both languages at once: the browser is busy all along, and has a process for each page. */
async function inEachLanguage(work) {
  await Promise.all(LANGUAGES.map(work));
}

async function enterPassword(page, portal, { name, password }) {
  await page.goto(`${portal.origin}/sign-in`);
  await page.locator("input[autocomplete~=username]").fill(name);
  await page.locator("input[autocomplete~=current-password]").fill(password);
  await page.locator("form button[type=submit]").click();
}

/** Gives the person a contract, a notice, files, apps and jobs in different states; gives the pages to look at. */
async function furnish(portal, page) {
  const day = (days) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);
  const contract = ["--starts", day(-120), "--ends", day(80), "--cpu", "4", "--memory", "16Gi", "--budget", "60000"];
  for (const args of [
    ["contract", "set", portal.account.name, ...contract],
    ["notice", "add", "--kind", "maintenance", "--en", NOTICE.en, "--ko", NOTICE.ko, "--until", day(2)],
    ["user", "role", portal.account.name, "operator"],
  ]) {
    const answer = await portal.run(["admin", ...args]);
    assert.equal(answer.code, 0, answer.stderr);
  }
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
    people: "/people",
    audit: "/audit",
    notices: "/notices",
    device: "/device",
    "device-request": `/device?code=${await waitingDevice(page)}`,
    nowhere: "/nowhere",
  };
}

async function launch(page, what) {
  const resources = { cpu_millis: 1000, memory_bytes: 2 * 1024 ** 3, gpus: 0 };
  const { status, body } = await callApi(page, "POST", "/apps", { resources, ...what });
  assert.equal(status, 202, JSON.stringify(body));
  return body;
}

/** The code of a command line that waits to be let in. */
async function waitingDevice(page) {
  const { status, body } = await callApi(page, "POST", "/device", { client_name: "myksc on laptop" });
  assert.equal(status, 200, JSON.stringify(body));
  return body.user_code;
}

async function examineAndKeep(page, what, language) {
  return examine(page, `${what}-${language}`, async (theme, width) => {
    const look = { language, theme, width };
    if (isKept(what, look)) await picture(page, [what, language, theme, width].join("-"));
  });
}

const KEPT = [
  "sign-in", "dashboard", "new-app", "app", "failed-app", "jobs", "new-job", "job", "files", "account", "nowhere",
  "people", "person", "audit", "notices", "device-request",
];

/** The pictures that the documentation keeps: pages in light, the dashboard also in dark and on a phone. */
function isKept(what, { language, theme, width }) {
  if (!KEPT.includes(what)) return false;
  if (what === "dashboard") return width > 400 || (language === "en") === (theme === "light");
  return theme === "light" && width > 400;
}
