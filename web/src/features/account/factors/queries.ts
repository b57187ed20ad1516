// Second factors and preferences of the person who is signed in.

import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";

import { api, ok } from "../../../api/client";
import { keys } from "../../../api/keys";
import { localProblem } from "../../../api/problem";
import type { Preferences } from "../../../api/types";
import { makePasskey } from "../../factors/webauthn";

export const factorsQuery = queryOptions({
  queryKey: keys.factors,
  queryFn: () => ok(api.GET("/api/v1/factors")),
});

export const preferencesQuery = queryOptions({
  queryKey: keys.preferences,
  queryFn: () => ok(api.GET("/api/v1/preferences")),
});

function useFactorChange<Input, Output>(change: (input: Input) => Promise<Output>) {
  const cache = useQueryClient();
  return useMutation({ mutationFn: change, onSuccess: () => void cache.invalidateQueries({ queryKey: keys.factors }) });
}

export const useBeginTotp = () => useMutation({ mutationFn: (password: string) => ok(api.POST("/api/v1/factors/totp", { body: { password } })) });

export const useConfirmTotp = () => useFactorChange((code: string) => ok(api.POST("/api/v1/factors/totp/confirm", { body: { code } })));

export const useRemoveTotp = () => useFactorChange((code: string) => ok(api.POST("/api/v1/factors/totp/remove", { body: { code } })));

export const useNewRecoveryCodes = () => useFactorChange((code: string) => ok(api.POST("/api/v1/factors/recovery-codes", { body: { code } })));

export const useAddPasskey = () =>
  useFactorChange(async ({ name, password }: { name: string; password: string }) => {
    const body = { name, proof: { password } };
    const credential = await makePasskey(await ok(api.POST("/api/v1/factors/passkeys/options", { body })));
    if (!credential) throw localProblem("passkey_not_made", "no passkey was made");
    return ok(api.POST("/api/v1/factors/passkeys", { body: { credential } }));
  });

export const useRemovePasskey = () =>
  useFactorChange(({ id, password }: { id: string; password: string }) =>
    ok(api.POST("/api/v1/factors/passkeys/{id}/remove", { params: { path: { id } }, body: { password } })),
  );

export function useSavePreferences() {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (body: Preferences) => ok(api.PUT("/api/v1/preferences", { body })),
    onSuccess: (_answer, body) => cache.setQueryData(keys.preferences, body),
  });
}
