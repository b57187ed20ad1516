// What a person does with an app: start, stop, restart, rename, delete.

import { useMutation, useQueryClient } from "@tanstack/react-query";

import { api, ok } from "../../api/client";
import type { App } from "../../api/types";
import { keepApp } from "./queries";
import { restartApp } from "./restart";

/** Is called whether or not what asked for the act is still on the page. */
interface Tell {
  onDone?: () => void;
  onError?: (error: Error) => void;
}

function useAppMutation<Input>(act: (input: Input) => Promise<App | undefined>, { onDone, ...tell }: Tell = {}) {
  const cache = useQueryClient();
  const onSuccess = (app: App | undefined) => {
    if (app) keepApp(cache, app);
    onDone?.();
  };
  return useMutation({ mutationFn: act, onSuccess, ...tell });
}

const at = (id: string) => ({ params: { path: { id } } });

export const useStartApp = (tell?: Tell) => useAppMutation((id: string) => ok(api.POST("/api/v1/apps/{id}/start", at(id))), tell);
export const useStopApp = (tell?: Tell) => useAppMutation((id: string) => ok(api.POST("/api/v1/apps/{id}/stop", at(id))), tell);
export const useKeepApp = () => useAppMutation((id: string) => ok(api.POST("/api/v1/apps/{id}/keep", at(id))));
export const useDeleteApp = (tell?: Tell) => useAppMutation((id: string) => ok(api.DELETE("/api/v1/apps/{id}", at(id))), tell);

export const useRenameApp = () =>
  useAppMutation(({ id, name }: { id: string; name: string }) => ok(api.PATCH("/api/v1/apps/{id}", { ...at(id), body: { name } })));

/** Stops an app, waits until it is down, and starts it again. */
export function useRestartApp({ onLong, ...tell }: Pick<Tell, "onError"> & { onLong: (app: App) => void }) {
  const cache = useQueryClient();
  return useMutation({ mutationFn: (app: App) => restartApp(cache, app.id, () => onLong(app)), ...tell });
}

/** What may be done with an app in its present phase. */
export const can = {
  open: (app: App) => app.phase === "ready",
  start: (app: App) => app.phase === "stopped" || app.phase === "failed",
  stop: (app: App) => app.phase === "starting" || app.phase === "ready",
  restart: (app: App) => app.phase === "ready",
};
