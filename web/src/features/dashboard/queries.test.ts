import { QueryClient } from "@tanstack/react-query";
import { afterEach, expect, test, vi } from "vitest";

import type { Job } from "../../api/types";
import { contractState, countJobs, jobsNowQuery, timePassed } from "./queries";

let jobs = 0;
const job = (over: Partial<Job>): Job =>
  ({ id: `job-${(jobs += 1)}`, phase: over.outcome ? "ended" : "queued", outcome: null, ended_at: null, revision: 1, submitted_at: now.toISOString(), ...over }) as Job;
const now = new Date(2026, 2, 10, 15, 0);
const heardNothing = new Map<string, Job>();

afterEach(() => vi.unstubAllGlobals());

test("jobs are counted by what they do now, and failures of today", () => {
  const today = new Date(2026, 2, 10, 1).toISOString();
  const yesterday = new Date(2026, 2, 9, 23).toISOString();
  const active = [job({ phase: "running" }), job({ phase: "queued" }), job({ phase: "held" }), job({ phase: "COMPLETING+X" as never })];
  const ended = [
    job({ outcome: "failed", ended_at: today }),
    job({ outcome: "timed_out", ended_at: today }),
    job({ outcome: "succeeded", ended_at: today }),
    job({ outcome: "cancelled", ended_at: today }),
    job({ outcome: "failed", ended_at: yesterday }),
  ];
  const lookedAt = { active: [{ items: active }], ended: [{ items: ended }] };
  expect(countJobs(lookedAt, heardNothing, now.getTime())).toEqual({ running: 1, waiting: 3, failed: 2, isFailedCut: false });

  const fell: Job = { ...active[0]!, revision: 2, phase: "ended", outcome: "failed", ended_at: today };
  expect(countJobs(lookedAt, new Map([[fell.id, fell]]), now.getTime())).toMatchObject({ running: 0, waiting: 3, failed: 3 });
});

test("every active job is counted, and ended ones as far back as today's may have been submitted", async () => {
  const asked: string[] = [];
  vi.stubGlobal("fetch", async (request: Request) => {
    const query = new URL(request.url).searchParams;
    const page = Number(query.get("cursor") ?? 0);
    asked.push(`${query.get("state")} ${page}`);
    const submitted_at = new Date(Date.now() - page * 8 * 86_400_000).toISOString();
    const body =
      query.get("state") === "active"
        ? { items: [job({ phase: "running" })], next_cursor: page < 3 ? `${page + 1}` : null }
        : { items: [job({ outcome: "failed", ended_at: new Date().toISOString(), submitted_at })], next_cursor: `${page + 1}` };
    return new Response(JSON.stringify(body), { headers: { "Content-Type": "application/json" } });
  });
  const lookedAt = await new QueryClient().fetchQuery(jobsNowQuery);
  expect(asked.toSorted()).toEqual(["active 0", "active 1", "active 2", "active 3", "ended 0", "ended 1", "ended 2"]);
  expect(countJobs(lookedAt, heardNothing, Date.now())).toEqual({ running: 4, waiting: 0, failed: 3, isFailedCut: false });
});

test("a count that was cut says so", () => {
  const ended = [{ items: [job({ outcome: "failed", ended_at: now.toISOString() })], next_cursor: "more" }];
  expect(countJobs({ active: [], ended }, heardNothing, now.getTime())).toMatchObject({ failed: 1, isFailedCut: true });
});

test("a contract holds from its first moment until its end", () => {
  const contract = { starts_at: "2026-01-01T00:00:00Z", ends_at: "2026-12-31T00:00:00Z", budget_sru_hours: null, limits: { cpu_millis: 1, memory_bytes: 1, gpus: 0 } };
  expect(contractState(null, 0)).toBe("none");
  expect(contractState(contract, Date.parse("2025-12-31T23:59:59Z"))).toBe("not_begun");
  expect(contractState(contract, Date.parse("2026-01-01T00:00:00Z"))).toBe("running");
  expect(contractState(contract, Date.parse("2026-12-31T00:00:00Z"))).toBe("over");
  expect(timePassed(contract, Date.parse("2026-07-02T00:00:00Z"))).toBeCloseTo(0.5, 2);
});
