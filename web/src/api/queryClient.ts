// Defaults of the query cache, and what is fetched anew when the portal is back.

import { QueryClient } from "@tanstack/react-query";

import { onReturn } from "./connection";
import { ApiError, isAway } from "./problem";

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 30_000,
      networkMode: "always",
      retry: (count, error) => count < 2 && isWorthRetrying(error),
    },
    mutations: { networkMode: "always" },
  },
});

onReturn(() => void queryClient.invalidateQueries());

function isWorthRetrying(error: Error): boolean {
  if (isAway(error)) return false; // fetched again when the portal is back
  return error instanceof ApiError && error.problem.status === 503;
}
