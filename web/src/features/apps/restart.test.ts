import { QueryClient } from "@tanstack/react-query";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import type { App } from "../../api/types";
import { keepApp } from "./queries";
import { restartApp, restarts } from "./restart";

let asked: string[] = [];
let app: App;
let cache: QueryClient;

const become = (phase: App["phase"]) => (app = { ...app, phase, revision: app.revision + 1 });
/** As an event tells it. */
const hear = (phase: App["phase"]) => keepApp(cache, become(phase));

beforeEach(() => {
  vi.useFakeTimers();
  cache = new QueryClient();
  asked = [];
  app = { id: "a1", name: "lab", phase: "ready", revision: 1, steps: [], created_at: "2026-01-01T00:00:00Z" } as unknown as App;
  vi.stubGlobal("fetch", async (request: Request) => {
    const what = new URL(request.url).pathname.replace(/^.*\/a1\/?/, "") || "look";
    if (what !== "look") asked.push(what);
    if (what === "stop") become("stopping");
    if (what === "start") become("starting");
    return new Response(JSON.stringify(app), { headers: { "Content-Type": "application/json" } });
  });
});

afterEach(() => {
  cache.clear();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test("an app is started once it is down, and not before, however long that takes", async () => {
  const onLong = vi.fn();
  const done = restartApp(cache, "a1", onLong);
  await vi.advanceTimersByTimeAsync(59_000);
  expect([asked, onLong.mock.calls.length, restarts.get().get("a1")]).toEqual([["stop"], 0, { isLong: false }]);
  await vi.advanceTimersByTimeAsync(600_000);
  expect([asked, onLong.mock.calls.length, restarts.get().get("a1")]).toEqual([["stop"], 1, { isLong: true }]);
  hear("stopped");
  await vi.advanceTimersByTimeAsync(1_000);
  await done;
  expect([asked, restarts.get().size]).toEqual([["stop", "start"], 0]);
});

test("the end is found out without an event, too", async () => {
  const done = restartApp(cache, "a1", () => {});
  await vi.advanceTimersByTimeAsync(1_000);
  become("failed");
  await vi.advanceTimersByTimeAsync(5_000);
  await done;
  expect(asked).toEqual(["stop", "start"]);
});

test("what somebody started or deleted meanwhile is left alone", async () => {
  const done = restartApp(cache, "a1", () => {});
  await vi.advanceTimersByTimeAsync(1_000);
  hear("starting");
  await vi.advanceTimersByTimeAsync(1_000);
  await done;
  expect(asked).toEqual(["stop"]);
});

test("a portal that is away for a while ends nothing", async () => {
  const answering = globalThis.fetch;
  const done = restartApp(cache, "a1", () => {});
  await vi.advanceTimersByTimeAsync(1_000);
  vi.stubGlobal("fetch", () => Promise.reject(new TypeError("cut")));
  await vi.advanceTimersByTimeAsync(30_000);
  vi.stubGlobal("fetch", answering);
  become("stopped");
  await vi.advanceTimersByTimeAsync(30_000);
  await done;
  expect(asked).toEqual(["stop", "start"]);
});

test("asked twice, an app is restarted once", async () => {
  const done = Promise.all([restartApp(cache, "a1", () => {}), restartApp(cache, "a1", () => {})]);
  await vi.advanceTimersByTimeAsync(1_000);
  hear("stopped");
  await vi.advanceTimersByTimeAsync(1_000);
  await done;
  expect(asked).toEqual(["stop", "start"]);
});
