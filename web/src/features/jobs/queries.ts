// Jobs and systems in the query cache: fetched once, kept fresh by events; what is newer always wins.

import { queryOptions, useMutation, useQueryClient, type QueryClient } from "@tanstack/react-query";

import { api, newIdempotencyKey, ok } from "../../api/client";
import { onPortalEvent } from "../../api/events";
import { keys } from "../../api/keys";
import type { Job } from "../../api/types";

export type JobState = "active" | "ended" | "all";
export const JOB_STATES: readonly JobState[] = ["all", "active", "ended"];

const PAGE_JOBS = 200;

interface JobList {
  items: Job[];
}

export const jobListQuery = queryOptions({
  queryKey: keys.jobList("all"),
  queryFn: async (): Promise<JobList> => ({
    items: (await ok(api.GET("/api/v1/jobs", { params: { query: { state: "all", limit: PAGE_JOBS } } }))).items,
  }),
  structuralSharing: (old, next) => newestList(old as JobList | undefined, next as JobList),
});

export const jobQuery = (id: string) =>
  queryOptions({
    queryKey: keys.job(id),
    queryFn: () => ok(api.GET("/api/v1/jobs/{id}", { params: { path: { id } } })),
    structuralSharing: (old, next) => newest(old as Job | undefined, next as Job),
  });

export const jobScriptQuery = (id: string) =>
  queryOptions({
    queryKey: keys.jobScript(id),
    queryFn: async () => (await ok(api.GET("/api/v1/jobs/{id}/script", { params: { path: { id } } }))).script,
    staleTime: Number.POSITIVE_INFINITY,
  });

export const systemsQuery = queryOptions({
  queryKey: keys.systems,
  queryFn: async () => (await ok(api.GET("/api/v1/systems"))).items,
});

export const queuesQuery = (system: string) =>
  queryOptions({
    queryKey: keys.queues(system),
    queryFn: async () => (await ok(api.GET("/api/v1/systems/{system}/queues", { params: { path: { system } } }))).items,
    enabled: system !== "",
  });

export const scriptTemplatesQuery = (system: string) =>
  queryOptions({
    queryKey: keys.scriptTemplates(system),
    queryFn: async () =>
      (await ok(api.GET("/api/v1/systems/{system}/script-templates", { params: { path: { system } } }))).items,
    enabled: system !== "",
    staleTime: 5 * 60_000,
  });

/** Puts what the portal says of a job where it is shown. */
export function keepJob(cache: QueryClient, job: Job): void {
  cache.setQueryData<Job>(keys.job(job.id), (old) => newest(old, job));
  cache.setQueryData<JobList>(keys.jobList("all"), (old) => old && { items: withJob(old.items, job) });
}

onPortalEvent("job", (event, cache) => {
  keepJob(cache, event.data as Job);
  void cache.invalidateQueries({ queryKey: keys.systems });
});

export type JobAction = "cancel" | "hold" | "release" | "resubmit";

/** Cancels, holds, releases or repeats a job; gives the job that came of it. */
export function useJobAction(action: JobAction) {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (id: string) =>
      ok(
        api.POST(`/api/v1/jobs/{id}/${action}`, {
          params: { path: { id }, ...(action === "resubmit" ? { header: { "Idempotency-Key": newIdempotencyKey() } } : {}) },
        } as never),
      ) as Promise<Job>,
    onSuccess: (job) => keepJob(cache, job),
  });
}

export function newest(old: Job | undefined, next: Job): Job {
  return old && old.id === next.id && old.revision > next.revision ? old : next;
}

function newestList(old: JobList | undefined, next: JobList): JobList {
  const known = new Map(old?.items.map((job) => [job.id, job]));
  return { items: inOrder(next.items.map((job) => newest(known.get(job.id), job))) };
}

function withJob(items: Job[], job: Job): Job[] {
  if (items.some(({ id }) => id === job.id)) return items.map((item) => (item.id === job.id ? newest(item, job) : item));
  return inOrder([job, ...items]);
}

/** Latest first. */
function inOrder(items: Job[]): Job[] {
  return items.toSorted((a, b) => b.submitted_at.localeCompare(a.submitted_at) || b.id.localeCompare(a.id));
}
