// The portal's database goes away under people who work, and comes back: they look on, change nothing, see a clear page
// once it has been away for too long, and go on by themselves.

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";

import { signIn } from "./support/browser.js";
import { journey } from "./support/journey.js";
import { callApi, cardOf, openApp, waitForPhase } from "./support/pages.js";
import { startPostgres } from "./support/postgres.js";
import { until } from "./support/until.js";

/** Long enough to look around in, on a busy machine. */
const GRACE_SECS = 25;
const ECHO = fileURLToPath(new URL("./support/echo.py", import.meta.url));
const CLOSED = "The portal is not available for the moment";

async function onPostgres(context) {
  const postgres = await startPostgres(context);
  const env = { MYKSC__STATE__DATABASE: postgres.address, MYKSC__STATE__DATABASE_GRACE_SECS: `${GRACE_SECS}` };
  return { env, postgres };
}

journey("people look on while the database is away, are told when that is too long, and go on once it is back", { timeout: 240_000, portal: onPostgres }, async ({ portal, profile, page }) => {
  const { postgres } = portal.settings;
  await signIn(page, portal);
  const command = `exec python3 ${ECHO}`;
  const resources = { cpu_millis: 500, memory_bytes: 256 * 1024 ** 2, gpus: 0 };
  const launched = await callApi(page, "POST", "/apps", { template: "command", name: "web", values: { command }, resources });
  assert.equal(launched.status, 202, JSON.stringify(launched.body));
  await waitForPhase(cardOf(page, "web"), "ready");
  const app = await openApp(profile, cardOf(page, "web"));
  await app.getByText("it works").waitFor();
  assert.equal((await ask(page, "GET", "/files/entries?path=home")).status, 200);
  const socket = await openSocket(await openApp(profile, cardOf(page, "web")));
  assert.equal(await socket.say("before"), "before");

  const before = await ask(page, "GET", "/session");
  await postgres.stop();
  const stoppedAt = Date.now();
  // Who is signed in is known, her files are there, her app goes on; a change is refused with its reason.
  const folder = { path: "home/made-meanwhile" };
  await until("a change is refused", async () => {
    const { status, body } = await ask(page, "POST", "/files/folders", folder, before.body.csrf_token);
    assert.deepEqual([status, body.code], [503, "database_away"]);
    return true;
  });
  const now = await ask(page, "GET", "/session");
  assert.deepEqual([now.status, now.body.user.name], [200, "kim"]);
  assert.equal((await ask(page, "GET", "/files/entries?path=home")).status, 200);
  assert.equal((await ask(page, "GET", "/apps")).body.code, "database_away");
  await app.reload();
  await app.getByText("it works").waitFor();
  assert.equal(await socket.say("meanwhile"), "meanwhile");
  assert.ok(Date.now() - stoppedAt < GRACE_SECS * 1000, "all of this was within the grace");

  // What was open for too long says so, and so does every page of the portal.
  await until("the app is closed", async () => (await app.reload(), (await app.title()).includes(CLOSED)), { limitMs: 60_000, everyMs: 500 });
  await app.getByText("Your apps and jobs go on running.", { exact: false }).waitFor();
  await socket.closed();
  const portalPage = await profile.newPage();
  const answer = await portalPage.goto(portal.origin);
  assert.equal(answer.status(), 503);
  await portalPage.getByRole("heading", { name: CLOSED }).waitFor();

  // Nobody presses anything: the pages find out by themselves.
  await postgres.start();
  await app.getByText("it works").waitFor({ timeout: 60_000 });
  await portalPage.getByRole("heading", { name: /Kim$/ }).waitFor({ timeout: 60_000 });
  const made = await callApi(portalPage, "POST", "/files/folders", folder);
  assert.equal(made.status, 201, JSON.stringify(made.body));
  assert.equal((await callApi(portalPage, "GET", "/apps")).body.items[0].phase, "ready");
});

/** A WebSocket of the app's own page: what is said to it comes back, and it closes when the gateway cuts it. */
async function openSocket(app) {
  const socket = await app.evaluateHandle(async () => {
    const socket = new WebSocket(`ws://${location.host}/`);
    await new Promise((resolve, reject) => Object.assign(socket, { onopen: resolve, onerror: () => reject(new Error("no socket")) }));
    return Object.assign(socket, { over: new Promise((resolve) => socket.addEventListener("close", () => resolve())) });
  });
  const say = (text) =>
    socket.evaluate((socket, text) => {
      const answer = new Promise((resolve) => (socket.onmessage = ({ data }) => resolve(data)));
      socket.send(text);
      return Promise.race([answer, socket.over.then(() => "cut")]);
    }, text);
  return { say, closed: () => socket.evaluate((socket) => socket.over) };
}

/** Calls the API once, with the token of the page's session, and does not look up who is signed in first. */
function ask(page, method, path, body, csrfToken) {
  return page.evaluate(
    async ([method, path, body, csrfToken]) => {
      const headers = { "Content-Type": "application/json", ...(csrfToken && { "X-CSRF-Token": csrfToken }) };
      const answer = await fetch(`/api/v1${path}`, { method, headers, ...(body && { body: JSON.stringify(body) }) });
      return { status: answer.status, body: await answer.json() };
    },
    [method, path, body, csrfToken],
  );
}
