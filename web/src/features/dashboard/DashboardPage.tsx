// The first page: what is agreed, what is in use, and everything that is one's own.

import { useQuery } from "@tanstack/react-query";
import { Outlet } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import { session } from "../../api/session";
import { Page } from "../../components/Page";
import { useStore } from "../../lib/store";
import { useNow } from "../../lib/useNow";
import { appsQuery } from "../apps/queries";
import { Announcements } from "./Announcements";
import { Cards } from "./Cards";
import { Doors } from "./Doors";
import { JobsNowLine } from "./JobsNowLine";
import { Readouts } from "./Readouts";
import { useJobsNow } from "./useJobsNow";

export function DashboardPage() {
  const { t } = useTranslation("dashboard");
  const greeting = useGreeting();
  const isFirstVisit = useIsFirstVisit();
  return (
    <Page title={t("title")} heading={<h1>{greeting}</h1>}>
      <Announcements />
      <Readouts />
      {isFirstVisit && <Doors />}
      <Cards />
      <JobsNowLine />
      <Outlet />
    </Page>
  );
}

function useGreeting(): string {
  const { t } = useTranslation("dashboard");
  const user = useStore(session)?.user;
  const hour = new Date(useNow(60_000)).getHours();
  const part = hour >= 5 && hour < 12 ? "morning" : hour >= 12 && hour < 18 ? "day" : "evening";
  return t(`greeting.${part}`, { name: user?.display_name || user?.name || "" });
}

/** Nothing of one's own yet: no app, and no job that runs or failed. */
function useIsFirstVisit(): boolean {
  const apps = useQuery(appsQuery).data;
  const jobs = useJobsNow();
  if (!apps || apps.items.length > 0) return false;
  return !jobs || jobs.running + jobs.waiting + jobs.failed === 0;
}
