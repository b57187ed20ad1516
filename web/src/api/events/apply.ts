// What an event changes in the query cache. Features add what their kinds of event need.

import type { QueryClient } from "@tanstack/react-query";

import type { PortalEvent } from "./leader";

type Handler = (event: PortalEvent, cache: QueryClient) => void;

const handlers = new Map<string, Set<Handler>>();

/** Calls `handler` for each event of a kind, in every tab. */
export function onPortalEvent(kind: string, handler: Handler): () => void {
  const known = handlers.get(kind) ?? new Set<Handler>();
  handlers.set(kind, known.add(handler));
  return () => known.delete(handler);
}

export function applyEvent(event: PortalEvent, cache: QueryClient): void {
  for (const handler of handlers.get(event.kind) ?? []) handler(event, cache);
}
