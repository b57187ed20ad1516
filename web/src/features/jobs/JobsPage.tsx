// All batch jobs of the person: found, sorted, acted on.

import { Button, SegmentedControl, Skeleton, TextInput } from "@mantine/core";
import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { useCallback, useMemo } from "react";
import { useTranslation } from "react-i18next";

import "@mantine/core/styles/Checkbox.css";

import type { System } from "../../api/types";
import { Page } from "../../components/Page";
import { ProblemNote } from "../../components/ProblemNote";
import { useStore } from "../../lib/store";
import { Icon } from "../../ui/icons";
import { heardJobs } from "./heard";
import { fitsSearch } from "./job";
import { JobTable } from "./list/JobTable";
import { OlderJobs } from "./list/OlderJobs";
import { JOB_STATES, jobsOf, type JobState } from "./list/pages";
import { jobListQuery, systemsQuery } from "./queries";
import { QueuesButton } from "./queues/QueuesButton";
import classes from "./JobsPage.module.css";

const route = getRouteApi("/signed-in/jobs");
const NO_SYSTEMS: readonly System[] = [];

export function JobsPage() {
  const { t } = useTranslation("jobs");
  const { state = "all", search = "" } = route.useSearch();
  const { jobs, list, loadOlder } = useJobs(state);
  const systems = useQuery(systemsQuery).data ?? NO_SYSTEMS;
  const isSearch = search.trim() !== "";
  const shown = useMemo(() => (isSearch ? jobs.filter((job) => fitsSearch(job, search)) : jobs), [jobs, search, isSearch]);
  // While pages are missing, a list that is empty says nothing.
  const isWhole = list.data !== undefined && !list.isPlaceholderData && !list.hasNextPage;
  return (
    <Page
      title={t("title")}
      actions={
        <>
          <QueuesButton systems={systems} />
          <Button component={Link} to="/jobs/new" leftSection={<Icon name="plus" />}>
            {t("new.action")}
          </Button>
        </>
      }
    >
      <Filters state={state} search={search} />
      <ProblemNote error={list.error} onRetry={() => void (list.isFetchNextPageError ? loadOlder() : list.refetch())} />
      {list.isLoading && <Skeleton height={260} radius="lg" />}
      {isWhole && jobs.length === 0 && state === "all" && <NoJobs />}
      {list.data && (jobs.length > 0 || state !== "all" || !isWhole) && <JobTable jobs={shown} isWhole={isWhole} />}
      {list.hasNextPage && !list.isPlaceholderData && (
        <OlderJobs isLoading={list.isFetching} hasFailed={list.isError} isSearch={isSearch} onLoad={loadOlder} />
      )}
    </Page>
  );
}

function useJobs(state: JobState) {
  const list = useInfiniteQuery({ ...jobListQuery(state), placeholderData: keepPreviousData });
  const heard = useStore(heardJobs);
  const pages = list.data?.pages;
  const jobs = useMemo(() => jobsOf(pages ?? [], heard, state), [pages, heard, state]);
  const { fetchNextPage } = list;
  const loadOlder = useCallback(() => void fetchNextPage(), [fetchNextPage]);
  return { jobs, list, loadOlder };
}

function Filters({ state, search }: { state: JobState; search: string }) {
  const { t } = useTranslation("jobs");
  const navigate = useNavigate({ from: "/jobs" });
  const change = (part: { state?: JobState; search?: string }) =>
    void navigate({ search: (old) => ({ ...old, ...part }), replace: true });
  return (
    <div className={classes.filters}>
      <SegmentedControl
        aria-label={t("list.filter")}
        value={state}
        onChange={(value) => change({ state: value as JobState })}
        data={JOB_STATES.map((value) => ({ value, label: t(`list.${value}`) }))}
      />
      <TextInput
        type="search"
        aria-label={t("list.search")}
        placeholder={t("list.search")}
        leftSection={<Icon name="search" size={16} />}
        value={search}
        onChange={(event) => change({ search: event.currentTarget.value })}
      />
    </div>
  );
}

function NoJobs() {
  const { t } = useTranslation("jobs");
  return (
    <div className={classes.nothing}>
      <h2>{t("empty.title")}</h2>
      <p className="muted">{t("empty.text")}</p>
      <Button component={Link} to="/jobs/new" mt="sm">
        {t("empty.action")}
      </Button>
    </div>
  );
}
