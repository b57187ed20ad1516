// Apps in the query cache: fetched once, kept fresh by events; what is newer always wins.

import { queryOptions, type QueryClient } from "@tanstack/react-query";

import { api, ok } from "../../api/client";
import { onPortalEvent } from "../../api/events";
import { keys } from "../../api/keys";
import { newest, outdate } from "../../api/newest";
import type { App } from "../../api/types";

interface AppList {
  items: App[];
}

/** Ids of deleted apps: an answer that was on its way must not bring them back. Ids are never used again. */
const deleted = new Set<string>();

export const appsQuery = queryOptions({
  queryKey: keys.appList,
  queryFn: async (): Promise<AppList> => ({ items: (await ok(api.GET("/api/v1/apps"))).items }),
  structuralSharing: (old, next) => newestList(old as AppList | undefined, next as AppList),
});

export const appQuery = (id: string) =>
  queryOptions({
    queryKey: keys.app(id),
    queryFn: () => ok(api.GET("/api/v1/apps/{id}", { params: { path: { id } } })),
    structuralSharing: (old, next) => newest(old as App | undefined, next as App),
  });

export const templatesQuery = queryOptions({
  queryKey: keys.templates,
  queryFn: async () => (await ok(api.GET("/api/v1/templates"))).items,
  staleTime: 5 * 60_000,
});

/** Puts what the portal says of an app where it is shown. */
export function keepApp(cache: QueryClient, app: App): void {
  if (app.phase === "deleted") deleted.add(app.id);
  cache.setQueryData<App>(keys.app(app.id), (old) => newest(old, app));
  cache.setQueryData<AppList>(keys.appList, (old) => old && { items: withApp(old.items, app) });
}

onPortalEvent("app", (event, cache) => {
  const app = event.data as App;
  keepApp(cache, app);
  void cache.invalidateQueries({ queryKey: keys.contract });
});

onPortalEvent("reset", (_event, cache) => {
  const single = cache.getQueriesData<App>({ queryKey: keys.singleApps });
  outdate(single.flatMap(([, app]) => app ?? []));
  outdate(cache.getQueryData<AppList>(keys.appList)?.items ?? []);
});

function newestList(old: AppList | undefined, next: AppList): AppList {
  const known = new Map(old?.items.map((app) => [app.id, app]));
  return { items: inOrder(next.items.filter((app) => !deleted.has(app.id)).map((app) => newest(known.get(app.id), app))) };
}

export function withApp(items: App[], app: App): App[] {
  if (app.phase === "deleted") return items.filter(({ id }) => id !== app.id);
  if (deleted.has(app.id)) return items;
  const known = items.some(({ id }) => id === app.id);
  return known ? items.map((item) => (item.id === app.id ? newest(item, app) : item)) : inOrder([...items, app]);
}

/** By birth, so that no card moves under the pointer. */
function inOrder(items: App[]): App[] {
  return items.toSorted((a, b) => a.created_at.localeCompare(b.created_at) || a.id.localeCompare(b.id));
}
