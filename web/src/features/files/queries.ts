// What the files pages ask of the portal.

import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useMemo } from "react";

import { api, ok } from "../../api/client";
import { keys } from "../../api/keys";
import type { Entry } from "../../api/types";
import { parentPath } from "../../lib/paths";

const PAGE_ENTRIES = 1000;

export function useRoots() {
  return useQuery({ queryKey: keys.roots, queryFn: () => ok(api.GET("/api/v1/files/roots")), staleTime: 30_000 });
}

/** All entries of a folder; large folders come page by page and show what is there already. */
export function useEntries(path: string, enabled = true) {
  const query = useInfiniteQuery({
    queryKey: keys.folder(path),
    initialPageParam: "",
    queryFn: ({ pageParam, signal }) =>
      ok(
        api.GET("/api/v1/files/entries", {
          params: { query: { path, limit: PAGE_ENTRIES, ...(pageParam ? { cursor: pageParam } : {}) } },
          signal,
        }),
      ),
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    enabled,
  });
  const { hasNextPage, isFetching, isError, fetchNextPage } = query;
  useEffect(() => {
    if (hasNextPage && !isFetching && !isError) void fetchNextPage();
  }, [hasNextPage, isFetching, isError, fetchNextPage]);
  const entries = useMemo<Entry[]>(() => query.data?.pages.flatMap((page) => page.items) ?? [], [query.data]);
  return { entries, isLoading: query.isLoading, isGrowing: hasNextPage, error: query.error, refetch: query.refetch };
}

export function useMakeFolder() {
  const refresh = useRefresh();
  return useMutation({
    mutationFn: (path: string) => ok(api.POST("/api/v1/files/folders", { body: { path } })),
    onSuccess: (_, path) => refresh(parentPath(path)),
  });
}

export interface MoveRequest {
  from: string;
  to: string;
  overwrite?: boolean;
}

export function useMove() {
  const refresh = useRefresh();
  return useMutation({
    mutationFn: (body: MoveRequest) =>
      ok(api.POST("/api/v1/files/move", { body: { overwrite: false, ...body } })),
    onSettled: (_entry, _error, { from, to }) => {
      refresh(parentPath(from));
      refresh(parentPath(to));
    },
  });
}

export function useRemove(folder: string) {
  const refresh = useRefresh();
  return useMutation({
    mutationFn: (paths: string[]) => ok(api.POST("/api/v1/files/remove", { body: { paths } })),
    onSettled: () => refresh(folder),
  });
}

/** Asks again for a folder's entries and for the room that is left. */
export function useRefresh(): (folder: string | null) => void {
  const client = useQueryClient();
  return (folder) => {
    if (folder !== null) void client.invalidateQueries({ queryKey: keys.folder(folder) });
    void client.invalidateQueries({ queryKey: keys.roots });
  };
}
