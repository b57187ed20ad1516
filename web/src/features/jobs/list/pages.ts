// A list of jobs, made of the pages that were fetched and of what was heard since.

import type { Job } from "../../../api/types";
import { newest } from "../../../api/newest";
import type { HeardJobs } from "../heard";
import { isActive } from "../job";

export type JobState = "active" | "ended" | "all";
export const JOB_STATES: readonly JobState[] = ["all", "active", "ended"];

export interface JobPage {
  items: Job[];
  /** What to ask the next page with; absent or null on the last. */
  next_cursor?: string | null;
}

/** The jobs of a state, latest first, as far back as the pages reach. */
export function jobsOf(pages: readonly JobPage[], heard: HeardJobs, state: JobState): Job[] {
  const paged = pages.flatMap(({ items }) => items);
  const known = new Set(paged.map(({ id }) => id));
  // What is older than the pages reach comes with its own page.
  const end = pages.at(-1)?.next_cursor ? paged.at(-1) : undefined;
  const added = [...heard.values()].filter((job) => !known.has(job.id) && (!end || order(job, end) < 0));
  const jobs = paged.map((job) => newest(heard.get(job.id), job));
  const all = added.length > 0 ? [...jobs, ...added].toSorted(order) : jobs;
  return state === "all" ? all : all.filter((job) => isActive(job) === (state === "active"));
}

/** Latest first. */
function order(a: Job, b: Job): number {
  return Date.parse(b.submitted_at) - Date.parse(a.submitted_at) || (a.id < b.id ? 1 : -1);
}
