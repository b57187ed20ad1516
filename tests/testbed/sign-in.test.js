// People of the centre sign in to the portal: kim by the directory and a code of her phone, lee at Keycloak. Each
// launches JupyterLab, which runs as her; what the directory says of them later reaches them within a round.

import assert from "node:assert/strict";

import { picture } from "../browser/support/browser.js";
import { journey } from "../browser/support/journey.js";
import { kernelSockets, newNotebook, openSockets, runCode, waitForLauncher } from "../browser/support/jupyterlab.js";
import { callApi, launchJupyterLab, openApp, waitForPhase } from "../browser/support/pages.js";
import { startPostgres } from "../browser/support/postgres.js";
import { authenticator } from "../browser/support/totp.js";
import { until } from "../browser/support/until.js";
import { joinGroup, leaveGroup, lock, unlock } from "./support/directory.js";
import { printVersions, testbed } from "./support/exports.js";
import { forget, setEnabled, tellLogoutsTo } from "./support/keycloak.js";
import { run } from "./support/programs.js";

printVersions("people", "keycloak");

const KIM = { name: "kim", uid: 20001, gid: 20001, home: `${testbed.HOME_ROOT}/kim` };
const LEE = { name: "lee", uid: 20002, gid: 20002, home: `${testbed.HOME_ROOT}/lee` };
const LIMITS = { timeout: 240_000 };

/** A portal of the centre that runs as one of its people, so that her apps run as her on this very machine. */
function portalOf(person, more = "") {
  return {
    account: null,
    person,
    files: { "ldap.password": testbed.LDAP_BIND_PASSWORD, "oidc.secret": testbed.OIDC_CLIENT_SECRET },
    config: ({ folder }) => `
[identity]
home_roots = ["${testbed.HOME_ROOT}"]
refresh_secs = 1

[[directory]]
id = "centre"
kind = "ldap"
title = { en = "The centre", ko = "센터" }
urls = ["${testbed.LDAPS_URL}"]
ca_file = "${testbed.LDAP_CA}"
bind_dn = "${testbed.LDAP_BIND_DN}"
bind_password_file = "${folder}/ldap.password"
people_base = "ou=people,${testbed.LDAP_BASE}"
groups_base = "ou=groups,${testbed.LDAP_BASE}"

[[roles]]
role = "operator"
groups = ["operators"]
${more.replaceAll("FOLDER", folder)}`,
  };
}

const WITH_FACTOR = `
[sign_in]
second_factor = "required"
`;

const WITH_KEYCLOAK = `
[[oidc]]
id = "keycloak"
title = { en = "Keycloak", ko = "Keycloak" }
issuer = "${testbed.OIDC_ISSUER}"
client_id = "${testbed.OIDC_CLIENT_ID}"
client_secret_file = "FOLDER/oidc.secret"
directory = "centre"
users_cannot_edit_claims = true
recheck_secs = 1
`;

/** Keycloak is asked every second whether it still knows who is here. */
const WITH_RECHECKS = `${WITH_KEYCLOAK}scopes = ["profile", "offline_access"]
`;

/** The accounts of those whom Keycloak knows are the machine's own. */
const WITH_NSS = `
[[directory]]
id = "machine"
kind = "nss"
${WITH_RECHECKS.replace('directory = "centre"', 'directory = "machine"')}`;

/** A portal of one of the centre's people, with its database on a PostgreSQL server of the test's. */
async function onPostgres(context, portal) {
  const { address } = await startPostgres(context);
  return { ...portal, env: { MYKSC__STATE__DATABASE: address } };
}

/** A portal that whoever runs the test runs, with an account of its own beside the centre's. */
function rescue() {
  const { person, ...portal } = portalOf(null, WITH_KEYCLOAK);
  return { ...portal, account: { name: "rescue", displayName: "Rescue", password: "quiet-river-4410" } };
}

async function enterPassword(page, portal, name, password, way = "The centre") {
  await page.goto(portal.origin);
  await page.waitForURL(/\/sign-in/);
  await page.getByText(way, { exact: true }).click();
  await page.locator("input[autocomplete~=username]").fill(name);
  await page.locator("input[autocomplete~=current-password]").fill(password);
  await page.locator("form button[type=submit]").click();
}

async function signInAtKeycloak(page, portal) {
  await page.goto(portal.origin);
  await page.getByRole("link", { name: "Sign in with Keycloak" }).click();
  await page.locator("#username").fill("lee");
  await page.locator("#password").fill(testbed.PASSWORD_LEE);
  await page.locator("#kc-login").click();
  await page.waitForURL(`${portal.origin}/`);
}

/** Sets an authenticator app up where the sign-in asks for it; gives the app. */
async function enrol(page, portal) {
  await page.getByRole("heading", { name: "Set up two-step sign-in" }).waitFor();
  const phone = authenticator(await page.locator("code").first().innerText());
  await page.getByRole("textbox", { name: "Six-digit code" }).fill(phone.next());
  await page.getByRole("button", { name: "I have kept them" }).click();
  await page.waitForURL(`${portal.origin}/`);
  return phone;
}

/** Runs a notebook in a new JupyterLab; gives who it runs as, and the WebSockets that it has open. */
async function whoInJupyterLab(profile, page) {
  const card = await launchJupyterLab(page, "who");
  await waitForPhase(card, "ready");
  const lab = await openApp(profile, card);
  const sockets = openSockets(lab);
  // Her home is there from test to test, and JupyterLab opens what was open the last time.
  await lab.waitForURL(/\/lab/);
  await lab.goto(new URL("/lab?reset", lab.url()).href);
  await waitForLauncher(lab);
  await newNotebook(lab);
  const text = await runCode(lab, "import os; print(os.getuid(), os.getgid(), os.path.expanduser('~'))");
  return { lab, card, sockets, who: text.trim() };
}

/** Whether a person has no process whose command line names a program. */
async function runsNothing(uid, program) {
  const lines = await run("ps", ["-e", "-o", "uid=,args="]);
  return !lines.split("\n").some((line) => Number.parseInt(line, 10) === uid && line.includes(program));
}

journey("kim enrols a second factor at her first sign-in and works as herself", { ...LIMITS, portal: (context) => onPostgres(context, portalOf(KIM, WITH_FACTOR)) }, async ({ portal, profile, page }) => {
  await enterPassword(page, portal, "kim", testbed.PASSWORD_KIM);
  await page.getByRole("heading", { name: "Set up two-step sign-in" }).waitFor();
  const phone = authenticator(await page.locator("code").first().innerText());
  await picture(page, "enrolment");
  // A reload in the middle goes on where it was, and the secret stays the same.
  await page.getByRole("textbox", { name: "Six-digit code" }).fill("000000");
  await page.getByText(/code is not right|wrong/i).first().waitFor();
  await page.getByRole("textbox", { name: "Six-digit code" }).fill(phone.next());
  await page.getByRole("heading", { name: "Keep your recovery codes" }).waitFor();
  const codes = await page.getByRole("list", { name: "Recovery codes" }).locator("code").allInnerTexts();
  assert.equal(codes.length, 10);
  await page.getByRole("button", { name: "I have kept them" }).click();
  await page.waitForURL(`${portal.origin}/`);

  const { user } = (await callApi(page, "GET", "/session")).body;
  assert.deepEqual([user.name, user.display_name, user.uid, user.gid], ["kim", "김민지", 20001, 20001]);
  assert.deepEqual(user.groups.map(({ gid }) => gid).sort(), [20001, 30001]);
  const { who } = await whoInJupyterLab(profile, page);
  assert.equal(who, `20001 20001 ${KIM.home}`);

  // The next time a code is asked for; one of the recovery codes lets her in, too, but once.
  for (const [used, lets] of [[true, true], [false, false]]) {
    assert.equal((await callApi(page, "DELETE", "/session")).status, 204);
    await enterPassword(page, portal, "kim", testbed.PASSWORD_KIM);
    await page.getByRole("heading", { name: "One more step" }).waitFor();
    if (used) await picture(page, "second-step");
    await page.getByRole("button", { name: "Use a recovery code" }).click();
    await page.getByRole("textbox", { name: "Recovery code" }).fill(codes[0]);
    await page.locator("form button[type=submit]").click();
    if (lets) await page.waitForURL(`${portal.origin}/`);
    else await page.getByText(/code is not right|wrong/i).first().waitFor();
  }
});

journey("what the directory says of kim reaches her while she works", { ...LIMITS, portal: portalOf(KIM, WITH_FACTOR) }, async ({ context, portal, profile, page }) => {
  context.after(() => Promise.allSettled([unlock("kim"), leaveGroup("kim", "proj2")]));
  await enterPassword(page, portal, "kim", testbed.PASSWORD_KIM);
  const phone = await enrol(page, portal);
  const { lab, sockets } = await whoInJupyterLab(profile, page);
  const program = await profile.newPage();
  await program.goto(portal.origin);
  const { body: token } = await callApi(program, "POST", "/tokens", { name: "laptop", expires_in_days: 1 });

  await joinGroup("kim", "proj2");
  await until("her new group is known", async () => {
    const { user } = (await callApi(page, "GET", "/session")).body;
    return user.groups.some(({ gid, name }) => gid === 30002 && name === "proj2");
  });

  assert.ok(kernelSockets(sockets) > 0);
  await lock("kim");
  await until("her open notebook is cut off", () => kernelSockets(sockets) === 0);
  const cookieless = (path) => fetch(`${portal.origin}/api/v1${path}`, { headers: { Authorization: `Bearer ${token.token}` } });
  await until("her token is no good", async () => (await cookieless("/session")).status === 401);
  await until("her session is over", () => page.evaluate(async () => (await fetch("/api/v1/session")).status === 401));
  await until("her app is closed to her", async () => {
    const answer = await lab.evaluate(async () => (await fetch("/api/status")).status).catch(() => 0);
    return answer !== 200;
  });
  await until("nothing of hers runs any more", () => runsNothing(KIM.uid, "jupyter-lab"));

  await enterPassword(page, portal, "kim", testbed.PASSWORD_KIM);
  await page.getByText(/name or password/i).first().waitFor();
  await unlock("kim");
  await enterPassword(page, portal, "kim", testbed.PASSWORD_KIM);
  await page.getByRole("heading", { name: "One more step" }).waitFor();
  await page.getByRole("textbox", { name: "Six-digit code" }).fill(phone.next());
  await page.waitForURL(`${portal.origin}/`);
});

journey("lee signs in at Keycloak's own pages, works as herself and signs out there, too", { ...LIMITS, portal: portalOf(LEE, WITH_KEYCLOAK) }, async ({ portal, profile, page }) => {
  await page.goto(`${portal.origin}/files`);
  await page.waitForURL(/\/sign-in/);
  await picture(page, "sign-in-ways");
  await page.getByRole("link", { name: "Sign in with Keycloak" }).click();
  await page.locator("#username").fill("lee");
  await page.locator("#password").fill(testbed.PASSWORD_LEE);
  await page.locator("#kc-login").click();
  await page.waitForURL(`${portal.origin}/files`);

  const { user, provider } = (await callApi(page, "GET", "/session")).body;
  assert.deepEqual([user.name, user.uid, provider], ["lee", 20002, "keycloak"]);
  await page.goto(portal.origin);
  const { who } = await whoInJupyterLab(profile, page);
  assert.equal(who, `20002 20002 ${LEE.home}`);

  const out = await callApi(page, "DELETE", "/session");
  assert.equal(out.status, 200);
  await page.goto(out.body.continue_at);
  const confirm = page.locator("#kc-logout");
  if (await confirm.count()) await confirm.click();
  await page.goto(portal.origin);
  await page.getByRole("link", { name: "Sign in with Keycloak" }).click();
  // Keycloak asks anew: its own session is over.
  await page.locator("#username").waitFor();
});

journey("lee, whom Keycloak no longer lets in, loses her session and her app within a minute", { ...LIMITS, portal: portalOf(LEE, WITH_NSS) }, async ({ context, portal, profile, page }) => {
  context.after(() => setEnabled("lee", true));
  await signInAtKeycloak(page, portal);
  const { sockets, who } = await whoInJupyterLab(profile, page);
  assert.equal(who, `20002 20002 ${LEE.home}`);
  assert.ok(kernelSockets(sockets) > 0);

  await setEnabled("lee", false);
  const at = Date.now();
  const inAMinute = { limitMs: 60_000 };
  await until("her session is over", () => page.evaluate(async () => (await fetch("/api/v1/session")).status === 401), inAMinute);
  await until("her open notebook is cut off", () => kernelSockets(sockets) === 0, inAMinute);
  await until("nothing of hers runs any more", () => runsNothing(LEE.uid, "jupyter-lab"), inAMinute);
  context.diagnostic(`all of it was over ${Date.now() - at} ms after Keycloak was told`);
  assert.ok(Date.now() - at < 60_000);

  await setEnabled("lee", true);
  await profile.clearCookies();
  await signInAtKeycloak(page, portal);

  // Removed there altogether, she has no session and no token here.
  const { body: token } = await callApi(page, "POST", "/tokens", { name: "laptop", expires_in_days: 1 });
  const byToken = () => fetch(`${portal.origin}/api/v1/session`, { headers: { Authorization: `Bearer ${token.token}` } });
  assert.equal((await byToken()).status, 200);
  await forget("lee");
  await until("her token is no good", async () => (await byToken()).status === 401, inAMinute);
  assert.equal(await page.evaluate(async () => (await fetch("/api/v1/session")).status), 401);
});

journey("who signs out at Keycloak is signed out of the portal, too", { ...LIMITS, portal: portalOf(LEE, WITH_KEYCLOAK) }, async ({ context, portal, profile, page }) => {
  context.after(() => tellLogoutsTo(""));
  await tellLogoutsTo(`${portal.origin}/oidc/keycloak/back-channel-logout`);
  await signInAtKeycloak(page, portal);
  const { sockets } = await whoInJupyterLab(profile, page);
  assert.ok(kernelSockets(sockets) > 0);

  const elsewhere = await profile.newPage();
  await elsewhere.goto(`${testbed.OIDC_ISSUER}/protocol/openid-connect/logout`);
  await elsewhere.locator("#kc-logout").click();
  await until("her session is over", () => page.evaluate(async () => (await fetch("/api/v1/session")).status === 401));
  await until("her open notebook is cut off", () => kernelSockets(sockets) === 0);
  await page.getByRole("dialog", { name: "Sign in again" }).waitFor();
});

journey("an operator of the portal's own signs in beside the centre's people and works in JupyterLab", { ...LIMITS, portal: rescue }, async ({ portal, profile, page }) => {
  const given = await portal.run(["admin", "user", "role", portal.account.name, "operator"]);
  assert.equal(given.code, 0, given.stderr);
  await enterPassword(page, portal, portal.account.name, portal.account.password, "Account of this portal");
  await page.waitForURL(`${portal.origin}/`);
  const { user, role, provider } = (await callApi(page, "GET", "/session")).body;
  assert.deepEqual([user.name, role, provider], ["rescue", "operator", "local"]);
  await page.getByRole("link", { name: "Operate" }).waitFor();
  const { who } = await whoInJupyterLab(profile, page);
  assert.equal(who, `${process.getuid()} ${process.getgid()} ${portal.home}`);
});
