// People and what operators do to them.

import { infiniteQueryOptions, queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";

import { api, ok } from "../../../api/client";
import { keys } from "../../../api/keys";
import type { PersonProfile } from "../../../api/types";

export const peopleQuery = (query: string) =>
  infiniteQueryOptions({
    queryKey: keys.peopleList(query),
    queryFn: ({ pageParam, signal }) =>
      ok(
        api.GET("/api/v1/users", {
          params: { query: { ...(query ? { query } : {}), ...(pageParam ? { cursor: pageParam } : {}) } },
          signal,
        }),
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
  });

const at = (id: string) => ({ params: { path: { id } } });

export const personQuery = (id: string) =>
  queryOptions({ queryKey: keys.person(id), queryFn: () => ok(api.GET("/api/v1/users/{id}", at(id))) });

export const activityQuery = (id: string) =>
  queryOptions({ queryKey: keys.activity(id), queryFn: () => ok(api.GET("/api/v1/users/{id}/activity", at(id))) });

/** What an operator does to a person. */
export type Order = { kind: "lock"; reason: string } | { kind: "unlock" | "end_sessions" | "reset_factor" };

export function useOrder(id: string) {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (order: Order): Promise<PersonProfile> => ok(send(id, order)),
    onSuccess: (person) => {
      cache.setQueryData(keys.person(id), person);
      void cache.invalidateQueries({ queryKey: keys.people });
    },
  });
}

function send(id: string, order: Order) {
  switch (order.kind) {
    case "lock":
      return api.POST("/api/v1/users/{id}/lock", { ...at(id), body: order.reason === "" ? {} : { reason: order.reason } });
    case "unlock":
      return api.POST("/api/v1/users/{id}/unlock", at(id));
    case "end_sessions":
      return api.POST("/api/v1/users/{id}/end-sessions", at(id));
    case "reset_factor":
      return api.POST("/api/v1/users/{id}/reset-factor", at(id));
  }
}
