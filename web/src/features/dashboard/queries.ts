// What the dashboard asks for besides the apps.

import { queryOptions } from "@tanstack/react-query";

import { api, ok } from "../../api/client";
import { onPortalEvent } from "../../api/events";
import { keys } from "../../api/keys";
import type { Contract, ContractView, Job, Resources } from "../../api/types";

const JOBS_LOOKED_AT = 200;
const SUMMARY_AT_MOST_EACH_MS = 1_500;

export const contractQuery = queryOptions({
  queryKey: keys.contract,
  queryFn: () => ok(api.GET("/api/v1/contract")),
});

export interface JobsNow {
  running: number;
  waiting: number;
  /** Ended badly since the day began where the reader is. */
  failed: number;
}

export const jobsNowQuery = queryOptions({
  queryKey: keys.jobsNow,
  queryFn: async (): Promise<JobsNow> => {
    const page = (state: "active" | "ended") => ok(api.GET("/api/v1/jobs", { params: { query: { state, limit: JOBS_LOOKED_AT } } }));
    const [active, ended] = await Promise.all([page("active"), page("ended")]);
    return countJobs(active.items, ended.items, new Date());
  },
});

let summaryDue: ReturnType<typeof setTimeout> | undefined;

// Hundreds of jobs may move at once: they are counted anew once.
onPortalEvent("job", (_event, cache) => {
  summaryDue ??= setTimeout(() => {
    summaryDue = undefined;
    void cache.invalidateQueries({ queryKey: keys.jobsNow });
  }, SUMMARY_AT_MOST_EACH_MS);
});

export function countJobs(active: Job[], ended: Job[], now: Date): JobsNow {
  const dayBegan = new Date(now.getFullYear(), now.getMonth(), now.getDate()).getTime();
  const running = active.filter(({ phase }) => phase === "running" || phase === "finishing" || phase === "suspended").length;
  const failed = ended.filter(
    ({ outcome, ended_at }) => outcome !== "succeeded" && outcome !== "cancelled" && ended_at && Date.parse(ended_at) >= dayBegan,
  ).length;
  return { running, waiting: active.length - running, failed };
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
