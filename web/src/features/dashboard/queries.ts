// What the dashboard asks for besides the apps.

import { queryOptions } from "@tanstack/react-query";

import { api, ok } from "../../api/client";
import { keys } from "../../api/keys";
import type { Contract, ContractView, Job, Resources } from "../../api/types";
import type { HeardJobs } from "../jobs/heard";
import { jobsOf, type JobPage } from "../jobs/list/pages";

export const contractQuery = queryOptions({
  queryKey: keys.contract,
  queryFn: () => ok(api.GET("/api/v1/contract")),
});

const DAY_MS = 86_400_000;
const PAGE_JOBS = 500;
/** Pages come by when a job was submitted: one that was submitted longer ago is taken to have ended before today. */
const LONGEST_LIFE_MS = 14 * DAY_MS;
const MOST_ENDED_PAGES = 10;

export interface JobsNow {
  running: number;
  waiting: number;
  /** Ended badly since the day began where the reader is. */
  failed: number;
  /** Whether there may be more of these than were looked at. */
  isFailedCut: boolean;
}

interface JobsLookedAt {
  active: JobPage[];
  ended: JobPage[];
}

export const jobsNowQuery = queryOptions({
  queryKey: keys.jobsNow,
  queryFn: async ({ signal }): Promise<JobsLookedAt> => {
    const reach = dayBegan(Date.now()) - LONGEST_LIFE_MS;
    const [active, ended] = await Promise.all([
      readPages("active", signal, () => true),
      readPages("ended", signal, (pages) => pages.length < MOST_ENDED_PAGES && reachesBack(pages, reach)),
    ]);
    return { active, ended };
  },
  // Events tell the rest.
  staleTime: 5 * 60_000,
});

/** Counts what was fetched, with what was heard of it since. */
export function countJobs({ active, ended }: JobsLookedAt, heard: HeardJobs, now: number): JobsNow {
  const today = dayBegan(now);
  const activeJobs = jobsOf(active, heard, "active");
  const running = activeJobs.filter(({ phase }) => phase === "running" || phase === "finishing" || phase === "suspended").length;
  const failed = jobsOf(ended, heard, "ended").filter((job) => hasFailedSince(job, today)).length;
  const isFailedCut = ended.at(-1)?.next_cursor != null && reachesBack(ended, today - LONGEST_LIFE_MS);
  return { running, waiting: activeJobs.length - running, failed, isFailedCut };
}

async function readPages(state: "active" | "ended", signal: AbortSignal, isMoreWanted: (pages: JobPage[]) => boolean): Promise<JobPage[]> {
  const pages: JobPage[] = [];
  let cursor: string | null = null;
  do {
    const query: { state: string; limit: number; cursor?: string } = { state, limit: PAGE_JOBS, ...(cursor ? { cursor } : {}) };
    const page: JobPage = await ok(api.GET("/api/v1/jobs", { params: { query }, signal }));
    pages.push(page);
    cursor = page.next_cursor ?? null;
  } while (cursor !== null && isMoreWanted(pages));
  return pages;
}

/** Whether even the last of these was submitted after a moment. */
function reachesBack(pages: readonly JobPage[], since: number): boolean {
  const last = pages.at(-1)?.items.at(-1);
  return last !== undefined && Date.parse(last.submitted_at) >= since;
}

function hasFailedSince({ outcome, ended_at }: Job, since: number): boolean {
  return outcome !== "succeeded" && outcome !== "cancelled" && ended_at != null && Date.parse(ended_at) >= since;
}

function dayBegan(now: number): number {
  return new Date(now).setHours(0, 0, 0, 0);
}

/** Against what use is measured: the contract's limits, or the whole machine where there is none. */
export function limitsOf(view: ContractView): Resources {
  return view.contract?.limits ?? view.machine;
}

export type ContractState = "none" | "not_begun" | "running" | "over";

export function contractState(contract: Contract | null, now: number): ContractState {
  if (!contract) return "none";
  if (now < Date.parse(contract.starts_at)) return "not_begun";
  return now < Date.parse(contract.ends_at) ? "running" : "over";
}

/** How much of the contract's time is over, 0 to 1. */
export function timePassed(contract: Contract, now: number): number {
  const [start, end] = [Date.parse(contract.starts_at), Date.parse(contract.ends_at)];
  return end > start ? Math.min(1, Math.max(0, (now - start) / (end - start))) : 1;
}
