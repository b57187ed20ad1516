import { QueryClient } from "@tanstack/react-query";
import { expect, test } from "vitest";

import { applyEvent } from "../../api/events/apply";
import { keys } from "../../api/keys";
import type { App } from "../../api/types";
import { newest } from "../../api/newest";
import { appsQuery, keepApp, withApp } from "./queries";
import { nextStep, stepsDone } from "./steps";

const app = (id: string, revision: number, over: Partial<App> = {}): App =>
  ({ id, revision, name: id, phase: "ready", steps: [], created_at: `2026-01-01T00:00:0${revision % 10}Z`, ...over }) as App;

test("what is newer wins, in whatever order it comes", () => {
  expect(newest(app("a", 5), app("a", 4)).revision).toBe(5);
  expect(newest(app("a", 4), app("a", 5)).revision).toBe(5);
});

test("after a reset whatever comes is newer, for a restored database counts on from its copy", async () => {
  const cache = new QueryClient();
  await cache.fetchQuery({ ...appsQuery, queryFn: () => Promise.resolve({ items: [app("a", 40)] }) });
  cache.setQueryData(keys.app("a"), app("a", 40));
  applyEvent({ kind: "reset", id: null, data: {} }, cache);
  keepApp(cache, app("a", 3));
  keepApp(cache, app("a", 2));
  expect(cache.getQueryData<{ items: App[] }>(keys.appList)!.items).toEqual([app("a", 3)]);
  expect(cache.getQueryData(keys.app("a"))).toEqual(app("a", 3));
});

test("cards stand by birth and do not move when they change", () => {
  const [first, second] = [app("a", 1), app("b", 2)];
  const changed = withApp([first, second], { ...first, revision: 9, phase: "stopping" });
  expect(changed.map(({ id, revision }) => [id, revision])).toEqual([["a", 9], ["b", 2]]);
});

test("a deleted app is dropped, and an older word of it does not bring it back", () => {
  const cache = new QueryClient();
  cache.setQueryData(keys.appList, { items: [app("gone", 1), app("stays", 2)] });
  keepApp(cache, app("gone", 8, { phase: "deleted" }));
  keepApp(cache, app("gone", 3));
  expect(cache.getQueryData<{ items: App[] }>(keys.appList)!.items.map(({ id }) => id)).toEqual(["stays"]);
});

test("steps count to the furthest one", () => {
  const record = (step: App["steps"][number]["step"]) => ({ step, at: "", source: "" });
  expect(stepsDone(app("a", 1))).toBe(0);
  const started = app("a", 1, { steps: [record("accepted"), record("started")] });
  expect(stepsDone(started)).toBe(4);
  expect(nextStep(started)).toBe("answering");
  expect(nextStep(app("a", 1, { steps: [record("answering")] }))).toBeNull();
});
