import { expect, test } from "vitest";

import type { Job } from "../../../api/types";
import { sharesOf } from "./usage";

const GIB = 1024 ** 3;

function job(part: Partial<Job>): Job {
  return {
    outcome: "succeeded",
    size: { nodes: 2, tasks_per_node: 2, cpus_per_task: 1, gpus_per_node: 0, memory_bytes: 4 * GIB, walltime_secs: 3600 },
    usage: { walltime_secs: 1800, cpus: 4, cpu_secs: 7000, max_memory_bytes: 6 * GIB },
    ...part,
  } as Job;
}

test("shares are of what it held, and a job that used it is told nothing", () => {
  expect(sharesOf(job({}))).toEqual({ cpu: 7000 / 7200, memory: 6 / 8, time: 0.5, advice: [] });
});

test("who asked for much more than she used is told so", () => {
  const usage = { walltime_secs: 600, cpus: 4, cpu_secs: 600, max_memory_bytes: GIB };
  expect(sharesOf(job({ usage }))?.advice).toEqual(["cores", "memory", "walltime"]);
  expect(sharesOf(job({ usage, outcome: "failed" }))?.advice).toEqual([]);
  expect(sharesOf(job({ usage: { ...usage, walltime_secs: 20 } }))?.advice).toEqual([]);
});

test("what nobody counted is not told", () => {
  expect(sharesOf(job({ usage: null }))).toBeNull();
  const size = { ...job({}).size, memory_bytes: null };
  const usage = { walltime_secs: null, cpus: null, cpu_secs: null, max_memory_bytes: GIB };
  expect(sharesOf(job({ usage, size }))).toEqual({ cpu: null, memory: null, time: null, advice: [] });
});
