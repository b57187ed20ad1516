// What the centre tells everybody now; asked again now and then while the page is looked at.

import { useQuery } from "@tanstack/react-query";

import { toLocal } from "../api/clock";
import type { Notice } from "../api/types";
import { useNow } from "../lib/useNow";
import { siteQuery } from "./useSite";

const EVERY_MS = 60_000;
const CLOCK_MS = 15_000;

export function useNotices(): Notice[] {
  const { data } = useQuery({ ...siteQuery, staleTime: EVERY_MS, refetchInterval: EVERY_MS });
  const now = useNow(CLOCK_MS);
  return data?.notices.filter(({ ends_at }) => !ends_at || now < toLocal(ends_at)) ?? [];
}
