// Many tabs of one browser.

import assert from "node:assert/strict";

import { assertNoFaults, signIn } from "./support/browser.js";
import { journey } from "./support/journey.js";
import { callApi, cardOf, waitForPhase } from "./support/pages.js";
import { until } from "./support/until.js";

journey("eight tabs share one event stream, and go on when the tab that holds it is closed", { timeout: 180_000 }, async ({ portal, profile, page: first }) => {
  const streams = new Map();
  profile.on("request", (request) => {
    if (new URL(request.url()).pathname === "/api/v1/events") streams.set(request, request.frame().page());
  });
  for (const end of ["requestfinished", "requestfailed"]) profile.on(end, (request) => streams.delete(request));
  // Nobody reports the end of a closed tab's requests.
  const holders = () => [...streams.values()].filter((tab) => !tab.isClosed());

  await signIn(first, portal);
  const tabs = [first, ...(await Promise.all(Array.from({ length: 7 }, () => profile.newPage())))];
  for (const tab of tabs.slice(1)) {
    await tab.goto(portal.origin);
    await tab.getByRole("heading", { level: 1 }).waitFor();
  }
  await until("one tab holds the stream", () => holders().length === 1);

  const made = await callApi(first, "POST", "/apps", sleeper("shared-1"));
  assert.equal(made.status, 202, JSON.stringify(made.body));
  await Promise.all(tabs.map((tab) => waitForPhase(cardOf(tab, "shared-1"), "ready", "failed")));
  const [leader, ...others] = holders();
  assert.deepEqual(others, []);

  await leader.close();
  const rest = tabs.filter((tab) => tab !== leader);
  await until("another tab holds the stream", () => holders().length === 1);
  await callApi(rest[0], "POST", "/apps", sleeper("shared-2"));
  await Promise.all(rest.map((tab) => cardOf(tab, "shared-2").waitFor()));
  assertNoFaults(profile);
});

function sleeper(name) {
  return {
    template: "jupyter",
    name,
    resources: { cpu_millis: 1000, memory_bytes: 1024 ** 3, gpus: 0 },
    values: {},
  };
}
