// What a person does with an app: start, stop, restart, rename, delete.

import { useMutation, useQueryClient } from "@tanstack/react-query";

import { api, ok } from "../../api/client";
import type { App } from "../../api/types";
import { appQuery, keepApp } from "./queries";

const RESTART_PATIENCE_MS = 60_000;

function useAppMutation<Input>(act: (input: Input) => Promise<App | undefined>) {
  const cache = useQueryClient();
  return useMutation({ mutationFn: act, onSuccess: (app) => app && keepApp(cache, app) });
}

const at = (id: string) => ({ params: { path: { id } } });

export const useStartApp = () => useAppMutation((id: string) => ok(api.POST("/api/v1/apps/{id}/start", at(id))));
export const useStopApp = () => useAppMutation((id: string) => ok(api.POST("/api/v1/apps/{id}/stop", at(id))));
export const useDeleteApp = () => useAppMutation((id: string) => ok(api.DELETE("/api/v1/apps/{id}", at(id))));

export const useRenameApp = () =>
  useAppMutation(({ id, name }: { id: string; name: string }) => ok(api.PATCH("/api/v1/apps/{id}", { ...at(id), body: { name } })));

/** Stops an app, waits until it is down, and starts it again. */
export function useRestartApp() {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: async (id: string) => {
      keepApp(cache, await ok(api.POST("/api/v1/apps/{id}/stop", at(id))));
      await untilDown(id, () => cache.fetchQuery({ ...appQuery(id), staleTime: 1_000 }));
      keepApp(cache, await ok(api.POST("/api/v1/apps/{id}/start", at(id))));
    },
  });
}

async function untilDown(id: string, look: () => Promise<App>): Promise<void> {
  const patience = Date.now() + RESTART_PATIENCE_MS;
  while (Date.now() < patience) {
    const app = await look();
    if (app.id === id && !isUp(app)) return;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

/** True while an app takes resources. */
export function isUp(app: App): boolean {
  return app.phase === "starting" || app.phase === "ready" || app.phase === "stopping";
}

/** What may be done with an app in its present phase. */
export const can = {
  open: (app: App) => app.phase === "ready",
  start: (app: App) => app.phase === "stopped" || app.phase === "failed",
  stop: (app: App) => app.phase === "starting" || app.phase === "ready",
  restart: (app: App) => app.phase === "ready",
};
