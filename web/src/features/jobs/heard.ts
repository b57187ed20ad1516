// What this tab heard of single jobs, by events and as answers. It lies over the lists as they were fetched, so that
// no fetch that was under way at the time takes it back.

import { createStore } from "../../lib/store";
import { newest } from "../../api/newest";
import type { Job } from "../../api/types";

export type HeardJobs = ReadonlyMap<string, Job>;

export const heardJobs = createStore<HeardJobs>(new Map());

export function hear(job: Job): void {
  const known = heardJobs.get();
  if (newest(known.get(job.id), job) === job) heardJobs.set(new Map(known).set(job.id, job));
}

/** Events were missed: what was heard before may be over. */
export function forgetHeard(): void {
  heardJobs.set(new Map());
}
