import { expect, test } from "vitest";

import type { Job } from "../../api/types";
import { contractState, countJobs, timePassed } from "./queries";

const job = (over: Partial<Job>): Job => ({ phase: "queued", outcome: null, ended_at: null, ...over }) as Job;
const now = new Date(2026, 2, 10, 15, 0);

test("jobs are counted by what they do now, and failures of today", () => {
  const today = new Date(2026, 2, 10, 1).toISOString();
  const yesterday = new Date(2026, 2, 9, 23).toISOString();
  const counted = countJobs(
    [job({ phase: "running" }), job({ phase: "queued" }), job({ phase: "held" }), job({ phase: "COMPLETING+X" as never })],
    [
      job({ outcome: "failed", ended_at: today }),
      job({ outcome: "timed_out", ended_at: today }),
      job({ outcome: "succeeded", ended_at: today }),
      job({ outcome: "cancelled", ended_at: today }),
      job({ outcome: "failed", ended_at: yesterday }),
    ],
    now,
  );
  expect(counted).toEqual({ running: 1, waiting: 3, failed: 2 });
});

test("a contract holds from its first moment until its end", () => {
  const contract = { starts_at: "2026-01-01T00:00:00Z", ends_at: "2026-12-31T00:00:00Z", budget_sru_hours: null, limits: { cpu_millis: 1, memory_bytes: 1, gpus: 0 } };
  expect(contractState(null, 0)).toBe("none");
  expect(contractState(contract, Date.parse("2025-12-31T23:59:59Z"))).toBe("not_begun");
  expect(contractState(contract, Date.parse("2026-01-01T00:00:00Z"))).toBe("running");
  expect(contractState(contract, Date.parse("2026-12-31T00:00:00Z"))).toBe("over");
  expect(timePassed(contract, Date.parse("2026-07-02T00:00:00Z"))).toBeCloseTo(0.5, 2);
});
