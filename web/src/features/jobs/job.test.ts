import { expect, test } from "vitest";

import type { Job } from "../../api/types";
import { can, isActive, stateSign, stateWord } from "./job";

const job = (fields: Partial<Job>) => ({ phase: "queued", phase_raw: null, outcome: null, ...fields }) as Job;

test("an ended job is told by its outcome, another by its phase", () => {
  expect(stateWord(job({ phase: "running" }))).toBe("running");
  expect(stateWord(job({ phase: "ended", outcome: "timed_out" }))).toBe("timed_out");
  expect(stateWord(job({ phase: "ended" }))).toBe("unknown");
});

test("a job in a state of the scheduler's own goes on, and is not taken for one with an unknown outcome", () => {
  const strange = job({ phase: "unknown", phase_raw: "REVOKED" });
  expect(stateWord(strange)).toBe("phase_unknown");
  expect([isActive(strange), can.cancel(strange), can.hold(strange), can.release(strange)]).toEqual([true, true, false, false]);
  expect(stateSign(strange)).toEqual({ tone: "busy", shape: "half" });
});
