// Sessions, password, tokens and registries of the person who is signed in.

import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";

import { api, ok } from "../../api/client";
import { keys } from "../../api/keys";
import type { PasswordChange, TokenRequest } from "../../api/types";

export const sessionsQuery = queryOptions({
  queryKey: keys.sessions,
  queryFn: async () => (await ok(api.GET("/api/v1/sessions"))).items,
});

export const tokensQuery = queryOptions({
  queryKey: keys.tokens,
  queryFn: async () => (await ok(api.GET("/api/v1/tokens"))).items,
});

export const registriesQuery = queryOptions({
  queryKey: keys.registries,
  queryFn: async () => (await ok(api.GET("/api/v1/registries"))).items,
});

function useChange<Input, Output>(change: (input: Input) => Promise<Output>, ...touched: (readonly string[])[]) {
  const cache = useQueryClient();
  const onSuccess = () => touched.forEach((queryKey) => void cache.invalidateQueries({ queryKey }));
  return useMutation({ mutationFn: change, onSuccess });
}

const at = (id: string) => ({ params: { path: { id } } });

export const useEndSession = () => useChange((id: string) => ok(api.DELETE("/api/v1/sessions/{id}", at(id))), keys.sessions);

export const useEndAllSessions = () => useMutation({ mutationFn: () => ok(api.DELETE("/api/v1/sessions")) });

export const useChangePassword = () =>
  useChange((body: PasswordChange) => ok(api.PUT("/api/v1/password", { body })), keys.sessions, keys.tokens);

export const useCreateToken = () =>
  useChange((body: TokenRequest) => ok(api.POST("/api/v1/tokens", { body })), keys.tokens);

export const useDeleteToken = () => useChange((id: string) => ok(api.DELETE("/api/v1/tokens/{id}", at(id))), keys.tokens);

export const usePutRegistry = () =>
  useChange(
    ({ host, ...body }: { host: string; account: string; password: string }) =>
      ok(api.PUT("/api/v1/registries/{host}", { params: { path: { host: host.trim() } }, body })),
    keys.registries,
  );

export const useRemoveRegistry = () =>
  useChange((host: string) => ok(api.DELETE("/api/v1/registries/{host}", { params: { path: { host } } })), keys.registries);
