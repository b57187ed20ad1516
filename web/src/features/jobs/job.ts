// What can be said of a job and done with it.

import type { Shape, Tone } from "../../components/PhaseMark";
import type { Job } from "../../api/types";

export function isActive(job: Job): boolean {
  return job.phase !== "ended";
}

/** What may be done with a job in its present phase. */
export const can = {
  cancel: (job: Job) => isActive(job) && job.phase !== "finishing" && !job.elsewhere,
  hold: (job: Job) => job.phase === "queued" && !job.elsewhere,
  release: (job: Job) => job.phase === "held" && !job.elsewhere,
  /** Where the system lets people do it. */
  requeue: (job: Job) => (job.phase === "running" || job.phase === "suspended") && !job.array && !job.elsewhere,
  setWalltime: (job: Job) => isActive(job) && job.scheduler_id != null && !job.elsewhere,
};

/** As much of a job as its state needs. */
export type JobStateParts = Pick<Job, "phase" | "outcome"> & Partial<Pick<Job, "exit_code" | "phase_raw">>;

/** The key of the word for its state: the outcome once it has ended, the phase before. */
export function stateWord(job: JobStateParts) {
  if (job.phase === "ended") return job.outcome ?? "unknown";
  return job.phase === "unknown" ? "phase_unknown" : job.phase;
}

const SIGNS: Record<string, { tone: Tone; shape: Shape }> = {
  submitting: { tone: "busy", shape: "half" },
  queued: { tone: "idle", shape: "ring" },
  held: { tone: "idle", shape: "square" },
  running: { tone: "ready", shape: "dot" },
  suspended: { tone: "busy", shape: "square" },
  finishing: { tone: "busy", shape: "half" },
  succeeded: { tone: "idle", shape: "dot" },
  cancelled: { tone: "idle", shape: "square" },
};

export function stateSign(job: JobStateParts): { tone: Tone; shape: Shape } {
  return SIGNS[stateWord(job)] ?? { tone: job.phase === "ended" ? "fail" : "busy", shape: job.phase === "ended" ? "triangle" : "half" };
}

/** Seconds it has run up to now; null before it started. */
export function ranSecs(job: Job, nowMs: number): number | null {
  if (!job.started_at) return null;
  const end = job.ended_at ? Date.parse(job.ended_at) : nowMs;
  return Math.max(0, (end - Date.parse(job.started_at)) / 1000);
}

/** CPU cores in all. */
export function coresOf(job: Job): number {
  return job.size.nodes * job.size.tasks_per_node * job.size.cpus_per_task;
}

export function fitsSearch(job: Job, search: string): boolean {
  const wanted = search.trim().toLocaleLowerCase().normalize("NFC");
  return [job.name, job.id, job.scheduler_id ?? "", job.queue].some((text) => text.toLocaleLowerCase().includes(wanted));
}
