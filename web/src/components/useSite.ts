// The centre's name and its ways to sign in.

import { queryOptions, useQuery } from "@tanstack/react-query";

import { ok, openApi } from "../api/client";
import { keys } from "../api/keys";
import { useText } from "../i18n/useLanguage";

export const siteQuery = queryOptions({
  queryKey: keys.site,
  queryFn: () => ok(openApi.GET("/api/v1/site")),
  staleTime: Number.POSITIVE_INFINITY,
});

export function useSite() {
  const text = useText();
  const { data } = useQuery(siteQuery);
  return { site: data, name: text(data?.name) };
}
