// All batch jobs of the person: found, sorted, acted on.

import { Button, SegmentedControl, Skeleton, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";

import "@mantine/core/styles/Checkbox.css";

import { Page } from "../../components/Page";
import { ProblemNote } from "../../components/ProblemNote";
import { Icon } from "../../ui/icons";
import { fitsSearch, isActive } from "./job";
import { JobTable } from "./list/JobTable";
import { JOB_STATES, jobListQuery, type JobState } from "./queries";
import classes from "./JobsPage.module.css";

const route = getRouteApi("/signed-in/jobs");

export function JobsPage() {
  const { t } = useTranslation("jobs");
  const { state = "all", search = "" } = route.useSearch();
  const { data, error, isLoading, refetch } = useQuery(jobListQuery);
  const shown = useMemo(
    () => (data?.items ?? []).filter((job) => (state === "all" || isActive(job) === (state === "active")) && fitsSearch(job, search)),
    [data, state, search],
  );
  return (
    <Page
      title={t("title")}
      actions={
        <Button component={Link} to="/jobs/new" leftSection={<Icon name="plus" />}>
          {t("new.action")}
        </Button>
      }
    >
      <Filters state={state} search={search} />
      <ProblemNote error={error} onRetry={() => void refetch()} />
      {isLoading && <Skeleton height={260} radius="lg" />}
      {data && data.items.length === 0 && <NoJobs />}
      {data && data.items.length > 0 && <JobTable jobs={shown} />}
    </Page>
  );
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
