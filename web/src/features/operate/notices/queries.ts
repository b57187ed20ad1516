// The notices as operators write them.

import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";

import { api, ok } from "../../../api/client";
import { keys } from "../../../api/keys";
import type { NewNotice } from "../../../api/types";

export const noticesQuery = queryOptions({
  queryKey: keys.notices,
  queryFn: async () => (await ok(api.GET("/api/v1/notices"))).items,
});

export function useAddNotice() {
  const told = useTellEverywhere();
  return useMutation({ mutationFn: (notice: NewNotice) => ok(api.POST("/api/v1/notices", { body: notice })), onSuccess: told });
}

export function useRemoveNotice() {
  const told = useTellEverywhere();
  return useMutation({
    mutationFn: (id: string) => ok(api.DELETE("/api/v1/notices/{id}", { params: { path: { id } } })),
    onSuccess: told,
  });
}

/** The list and what everybody is told follow at once. */
function useTellEverywhere(): () => void {
  const cache = useQueryClient();
  return () => {
    void cache.invalidateQueries({ queryKey: keys.notices });
    void cache.invalidateQueries({ queryKey: keys.site });
  };
}
