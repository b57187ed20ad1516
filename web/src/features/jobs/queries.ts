// Jobs and systems in the query cache: fetched page by page, kept fresh by events; what is newer always wins.

import { infiniteQueryOptions, queryOptions, useMutation, useQueryClient, type QueryClient } from "@tanstack/react-query";

import { api, newIdempotencyKey, ok } from "../../api/client";
import { onPortalEvent } from "../../api/events";
import { keys } from "../../api/keys";
import { newest, outdate } from "../../api/newest";
import type { Job } from "../../api/types";
import { forgetHeard, hear } from "./heard";
import type { JobState } from "./list/pages";

const PAGE_JOBS = 200;

/** Jobs of one state, chosen by the portal; `jobsOf` makes the list of them. */
export const jobListQuery = (state: JobState) =>
  infiniteQueryOptions({
    queryKey: keys.jobList(state),
    queryFn: ({ pageParam, signal }) =>
      ok(api.GET("/api/v1/jobs", { params: { query: { state, limit: PAGE_JOBS, ...(pageParam ? { cursor: pageParam } : {}) } }, signal })),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor ?? null,
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

export const jobRecordQuery = (id: string) =>
  queryOptions({
    queryKey: keys.jobRecord(id),
    queryFn: async () => (await ok(api.GET("/api/v1/jobs/{id}/record", { params: { path: { id } } }))).record,
    staleTime: 0,
    retry: false,
  });

export type TaskState = "all" | "active" | "failed" | "succeeded";

const PAGE_TASKS = 50;

/** The tasks of an array, page by page; a change of the job fetches those that are shown again. */
export const jobTasksQuery = (id: string, state: TaskState) =>
  infiniteQueryOptions({
    queryKey: keys.jobTasks(id, state),
    queryFn: ({ pageParam, signal }) =>
      ok(
        api.GET("/api/v1/jobs/{id}/tasks", {
          params: { path: { id }, query: { state, limit: PAGE_TASKS, ...(pageParam ? { cursor: pageParam } : {}) } },
          signal,
        }),
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor ?? null,
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

export const siteOptionsQuery = (system: string) =>
  queryOptions({
    queryKey: keys.siteOptions(system),
    queryFn: async () => (await ok(api.GET("/api/v1/systems/{system}/options", { params: { path: { system } } }))).items,
    enabled: system !== "",
    staleTime: 5 * 60_000,
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
  hear(job);
}

onPortalEvent("job", (event, cache) => {
  const job = event.data as Job;
  keepJob(cache, job);
  if (job.array) void cache.invalidateQueries({ queryKey: ["jobs", "tasks", job.id] });
  void cache.invalidateQueries({ queryKey: keys.systems });
});

onPortalEvent("reset", (_event, cache) => {
  forgetHeard();
  const single = cache.getQueriesData<Job>({ queryKey: keys.singleJobs });
  outdate(single.flatMap(([, job]) => job ?? []));
});

export type JobAction = "cancel" | "hold" | "release" | "requeue" | "resubmit";

/** Cancels, holds, releases, puts back or repeats a job; gives the job that came of it. */
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

/** Cancels one task of an array. */
export function useCancelTask(id: string) {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (index: number) => ok(api.POST("/api/v1/jobs/{id}/tasks/{index}/cancel", { params: { path: { id, index } } })),
    onSuccess: (job) => keepJob(cache, job),
  });
}

/** Gives a job another walltime. */
export function useSetWalltime(id: string) {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (walltime_secs: number) =>
      ok(api.POST("/api/v1/jobs/{id}/walltime", { params: { path: { id } }, body: { walltime_secs } })),
    onSuccess: (job) => keepJob(cache, job),
  });
}
