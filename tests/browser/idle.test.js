// A session that nobody uses: the page asks a minute before its end, on a phone as well.

import assert from "node:assert/strict";

import { assertNoFaults, signIn } from "./support/browser.js";
import { journey } from "./support/journey.js";
import { assertAccessible } from "./support/looks.js";
import { callApi } from "./support/pages.js";
import { until } from "./support/until.js";

const PHONE = { width: 360, height: 780 };
/** The question comes a minute before the end: six seconds after the last use. */
const SHORT = { config: "[accounts]\nsession_idle_secs = 66\n" };

journey("who does nothing is asked a minute before the end, goes on, and the next time signs out", { timeout: 240_000, portal: SHORT, profile: PHONE }, async ({ portal, profile, page }) => {
  await signIn(page, portal);
  const endsAt = async () => Date.parse((await callApi(page, "GET", "/session")).body.idle_ends_at);
  const first = await endsAt();
  const dialog = page.getByRole("dialog", { name: "Are you still there?" });
  await dialog.waitFor();
  const clock = dialog.getByRole("timer", { includeHidden: true });
  assert.match(await clock.innerText(), /^(1:00|0:5\d)$/);
  assert.match(await dialog.getByRole("alert").innerText(), /^Your session ends in 60 seconds\.$/);
  const shown = await clock.innerText();
  await until("the clock goes on", async () => (await clock.innerText()) !== shown);
  for (const name of ["Stay signed in", "Sign out"]) {
    const box = await dialog.getByRole("button", { name }).boundingBox();
    assert.ok(box.x >= 0 && box.x + box.width <= PHONE.width && box.height >= 24, JSON.stringify(box));
  }
  await assertAccessible(page, "idle-dialog");

  await dialog.getByRole("button", { name: "Stay signed in" }).click();
  await dialog.waitFor({ state: "detached" });
  assert.ok((await endsAt()) > first);

  // Nothing is pressed: it comes back, and this time she leaves.
  await dialog.waitFor();
  await dialog.getByRole("button", { name: "Sign out" }).click();
  await page.waitForURL(/\/sign-in/);
  const [answer] = await Promise.all([page.waitForResponse(/\/api\/v1\/session$/), page.goto(portal.origin)]);
  assert.equal(answer.status(), 401);
  assertNoFaults(profile);
});
