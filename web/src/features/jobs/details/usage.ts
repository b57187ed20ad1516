// What a job used of what it asked for, and what can be learnt from that.

import type { Job } from "../../../api/types";

/** A run shorter than this says nothing of the next one. */
const ADVICE_FROM_SECS = 300;
/** Below these shares less could have been asked for. */
const CPU_SHARE = 0.65;
const MEMORY_SHARE = 0.4;
const TIME_SHARE = 0.25;

export type Advice = "cores" | "memory" | "walltime";

export interface Shares {
  /** Of the CPU time that its cores had; null where nobody counted. */
  cpu: number | null;
  /** Of the memory that it asked for. */
  memory: number | null;
  /** Of the walltime that it asked for. */
  time: number | null;
  advice: Advice[];
}

/** Null for a job of which nothing was counted. */
export function sharesOf(job: Job): Shares | null {
  const { usage, size } = job;
  if (!usage) return null;
  const cores = usage.cpus ?? size.nodes * size.tasks_per_node * size.cpus_per_task;
  const cpu = share(usage.cpu_secs, cores * (usage.walltime_secs ?? 0));
  const memory = share(usage.max_memory_bytes, (size.memory_bytes ?? 0) * size.nodes);
  const time = share(usage.walltime_secs, size.walltime_secs ?? 0);
  return { cpu, memory, time, advice: adviceFor(job, cores, { cpu, memory, time }) };
}

function share(used: number | null | undefined, asked: number): number | null {
  return used == null || asked <= 0 ? null : used / asked;
}

function adviceFor(job: Job, cores: number, { cpu, memory, time }: Omit<Shares, "advice">): Advice[] {
  const isLong = (job.usage?.walltime_secs ?? 0) >= ADVICE_FROM_SECS;
  // What ended early by a fault or by her own hand is no measure.
  if (!isLong || job.outcome !== "succeeded") return [];
  const advice: [Advice, boolean][] = [
    ["cores", cores > 1 && cpu !== null && cpu < CPU_SHARE],
    ["memory", memory !== null && memory < MEMORY_SHARE],
    ["walltime", time !== null && time < TIME_SHARE],
  ];
  return advice.filter(([, holds]) => holds).map(([name]) => name);
}
