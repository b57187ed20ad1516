// Who did what to what: searched by what the address holds, exported as it is shown.

import { Button, Skeleton } from "@mantine/core";
import { infiniteQueryOptions, keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import { api, ok } from "../../../api/client";
import { keys } from "../../../api/keys";
import { ProblemNote } from "../../../components/ProblemNote";
import { Icon } from "../../../ui/icons";
import { OperatePage } from "../OperatePage";
import table from "../Table.module.css";
import { AuditTable } from "./AuditTable";
import { FilterBar } from "./FilterBar";
import { exportAddress, toQuery, withChange, type AuditFilters } from "./filters";

const route = getRouteApi("/signed-in/audit");

const auditQuery = (filters: AuditFilters) =>
  infiniteQueryOptions({
    queryKey: [...keys.audit, filters],
    queryFn: ({ pageParam, signal }) =>
      ok(api.GET("/api/v1/audit", { params: { query: { ...toQuery(filters), ...(pageParam ? { cursor: pageParam } : {}) } }, signal })),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
    staleTime: 0,
  });

export function AuditPage() {
  const { t } = useTranslation("operate");
  const filters = route.useSearch();
  const navigate = useNavigate({ from: "/audit" });
  const found = useInfiniteQuery({ ...auditQuery(filters), placeholderData: keepPreviousData });
  const change = (part: AuditFilters) => void navigate({ search: (old) => withChange(old, part), replace: true });
  const entries = found.data?.pages.flatMap(({ items }) => items) ?? [];
  return (
    <OperatePage
      title={t("audit.title")}
      actions={
        <Button component="a" href={exportAddress(filters)} download variant="default" leftSection={<Icon name="download" size={16} />}>
          {t("audit.export")}
        </Button>
      }
    >
      <FilterBar filters={filters} onChange={change} onClear={() => void navigate({ search: {}, replace: true })} />
      <ProblemNote error={found.error} onRetry={() => void found.refetch()} />
      {found.isPending && <Skeleton height={360} radius="lg" />}
      {found.data && <AuditTable entries={entries} onFilter={change} />}
      {found.hasNextPage && (
        <div className={table.more}>
          <Button variant="default" loading={found.isFetchingNextPage} onClick={() => void found.fetchNextPage()}>
            {t("more")}
          </Button>
        </div>
      )}
    </OperatePage>
  );
}
