// Restarts: an app is stopped, and started once it is down, however long that takes. A restart belongs to the tab and
// not to the page that asked for it.

import type { QueryClient } from "@tanstack/react-query";

import { api, ok } from "../../api/client";
import { ApiError } from "../../api/problem";
import type { App } from "../../api/types";
import { createStore } from "../../lib/store";
import { appQuery, keepApp } from "./queries";

const LONG_MS = 60_000;
const LOOK_EACH_MS = 500;
/** Events bring the end at once; the portal is asked in case none comes. */
const ASK_EACH_MS = 3_000;

export interface Restart {
  /** Whether the end of the app is long in coming. */
  isLong: boolean;
}

/** The apps that start again once they are down. */
export const restarts = createStore<ReadonlyMap<string, Restart>>(new Map());

const at = (id: string) => ({ params: { path: { id } } });

export async function restartApp(cache: QueryClient, id: string, onLong: () => void): Promise<void> {
  if (restarts.get().has(id)) return;
  note(id, { isLong: false });
  const long = setTimeout(() => {
    note(id, { isLong: true });
    onLong();
  }, LONG_MS);
  try {
    keepApp(cache, await ok(api.POST("/api/v1/apps/{id}/stop", at(id))));
    const app = await untilDown(cache, id);
    // Somebody may have started or deleted it meanwhile.
    if (app.phase === "stopped" || app.phase === "failed") keepApp(cache, await ok(api.POST("/api/v1/apps/{id}/start", at(id))));
  } finally {
    clearTimeout(long);
    note(id, null);
  }
}

async function untilDown(cache: QueryClient, id: string): Promise<App> {
  for (;;) {
    try {
      const app = await cache.fetchQuery({ ...appQuery(id), staleTime: ASK_EACH_MS });
      if (app.phase !== "stopping") return app;
    } catch (error) {
      // A portal that is away or in trouble says nothing about the app; one that refuses does.
      const status = error instanceof ApiError ? error.problem.status : 0;
      if (status >= 400 && status < 500) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_EACH_MS));
  }
}

function note(id: string, restart: Restart | null): void {
  const others = [...restarts.get()].filter(([known]) => known !== id);
  restarts.set(new Map(restart ? [...others, [id, restart]] : others));
}
