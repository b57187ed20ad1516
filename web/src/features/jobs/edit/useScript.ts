// The script that the form makes, as the portal writes it; asked for anew a moment after the last key.

import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useDebouncedValue } from "@mantine/hooks";

import { api, ok } from "../../../api/client";
import type { JobForm } from "../../../api/types";

const PAUSE_MS = 250;

/** Nothing is asked while the form's queue is not known; `isReady` says that it is. */
export function useScript(system: string, form: JobForm, isReady: boolean) {
  const [settled] = useDebouncedValue(form, PAUSE_MS);
  const query = useQuery({
    queryKey: ["systems", system, "script", settled],
    queryFn: ({ signal }) => renderScript(system, settled, signal),
    enabled: isReady && settled.queue === form.queue,
    placeholderData: keepPreviousData,
    gcTime: 0,
  });
  return { script: query.data, error: query.error };
}

export function renderScript(system: string, form: JobForm, signal?: AbortSignal) {
  return ok(
    api.POST("/api/v1/systems/{system}/script", { params: { path: { system } }, body: { form }, ...(signal ? { signal } : {}) }),
  );
}

export function parseScript(system: string, script: string) {
  return ok(api.POST("/api/v1/systems/{system}/script/parse", { params: { path: { system } }, body: { script } }));
}
