import { InfiniteQueryObserver, QueryClient } from "@tanstack/react-query";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { applyEvent } from "../../api/events/apply";
import { keys } from "../../api/keys";
import type { Job } from "../../api/types";
import { heardJobs } from "./heard";
import { jobsOf } from "./list/pages";
import { jobListQuery, keepJob } from "./queries";

const job = (number: number, revision: number): Job =>
  ({ id: `job-${number}`, revision, phase: "running", submitted_at: new Date(Date.UTC(2026, 0, 1, 0, number)).toISOString() }) as Job;

let asked: URLSearchParams[] = [];

beforeEach(() => {
  asked = [];
  vi.stubGlobal("fetch", async (request: Request) => {
    const query = new URL(request.url).searchParams;
    asked.push(query);
    const body = query.has("cursor") ? { items: [job(1, 1)], next_cursor: null } : { items: [job(3, 3), job(2, 2)], next_cursor: "more" };
    return new Response(JSON.stringify(body), { headers: { "Content-Type": "application/json" } });
  });
});

afterEach(() => {
  vi.unstubAllGlobals();
  heardJobs.set(new Map());
});

test("the portal picks the jobs of a state, and older pages follow the newest", async () => {
  const cache = new QueryClient();
  const list = new InfiniteQueryObserver(cache, jobListQuery("active"));
  await list.refetch();
  expect(list.getCurrentResult().hasNextPage).toBe(true);
  const { data, hasNextPage } = await list.fetchNextPage();
  expect(asked.map((query) => [query.get("state"), query.get("cursor")])).toEqual([["active", null], ["active", "more"]]);
  expect(jobsOf(data!.pages, heardJobs.get(), "active").map(({ id }) => id)).toEqual(["job-3", "job-2", "job-1"]);
  expect(hasNextPage).toBe(false);
});

test("a job that comes while an older page is fetched is not lost with it", async () => {
  const cache = new QueryClient();
  const list = new InfiniteQueryObserver(cache, jobListQuery("all"));
  await list.refetch();
  const older = list.fetchNextPage();
  keepJob(cache, job(4, 9));
  expect(jobsOf((await older).data!.pages, heardJobs.get(), "all").map(({ id }) => id)).toEqual(["job-4", "job-3", "job-2", "job-1"]);
});

test("what is newer stays, until events were missed", () => {
  const cache = new QueryClient();
  keepJob(cache, job(4, 9));
  keepJob(cache, job(4, 8));
  expect([heardJobs.get().get("job-4")!.revision, cache.getQueryData<Job>(keys.job("job-4"))!.revision]).toEqual([9, 9]);
  applyEvent({ kind: "reset", id: null, data: {} }, cache);
  expect(heardJobs.get().size).toBe(0);
});
