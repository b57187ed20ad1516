// Pages, one's apps and jobs, and actions, as entries of the quick search.

import { useMantineColorScheme } from "@mantine/core";
import { queryOptions, useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";

import { api, ok } from "../../api/client";
import { keys } from "../../api/keys";
import { session } from "../../api/session";
import { LANGUAGES, setLanguage } from "../../i18n";
import { useLanguage } from "../../i18n/useLanguage";
import { useStore } from "../../lib/store";
import { appsQuery } from "../apps/queries";
import { can } from "../apps/actions";
import { isOperator, seesPeople } from "../operate/roles";
import { signOutFromMenu } from "../signin/signOut";
import type { SearchEntry } from "./entries";

const JOBS_SEARCHED = 200;

const jobsQuery = queryOptions({
  queryKey: [...keys.jobs, "search"],
  queryFn: async () => (await ok(api.GET("/api/v1/jobs", { params: { query: { state: "all", limit: JOBS_SEARCHED } } }))).items,
});

export function useEntries(isWanted: boolean): SearchEntry[] {
  const pages = usePages();
  const actions = useActions();
  const apps = useQuery({ ...appsQuery, enabled: isWanted }).data?.items ?? [];
  const jobs = useQuery({ ...jobsQuery, enabled: isWanted }).data ?? [];
  return [
    ...pages,
    ...apps.map((app): SearchEntry => {
      const door = can.open(app) ? { href: app.origin, target: `myksc-${app.id}` } : { href: `/apps/${app.id}` };
      return { id: app.id, kind: "app", label: app.name, words: app.template, ...door };
    }),
    ...actions,
    ...jobs.map((job): SearchEntry => ({
      id: job.id,
      kind: "job",
      label: job.name,
      words: `${job.scheduler_id ?? ""} ${job.queue}`,
      href: `/jobs/${job.id}`,
    })),
  ];
}

function usePages(): SearchEntry[] {
  const { t } = useTranslation(["common", "operate"]);
  const role = useStore(session)?.role;
  const page = (href: string, label: string): SearchEntry => ({ id: href, kind: "page", label, href });
  return [
    page("/", t("nav.dashboard")),
    page("/apps/new", t("search.new_app")),
    page("/jobs", t("nav.jobs")),
    page("/jobs/new", t("search.new_job")),
    page("/files", t("nav.files")),
    page("/account", t("nav.account")),
    ...(seesPeople(role) ? [page("/people", t("operate:people.title"))] : []),
    ...(isOperator(role) ? [page("/audit", t("operate:audit.title")), page("/notices", t("operate:notices.title"))] : []),
  ];
}

function useActions(): SearchEntry[] {
  const { t } = useTranslation();
  const language = useLanguage();
  const { setColorScheme } = useMantineColorScheme();
  const other = LANGUAGES.find(({ id }) => id !== language)!;
  const action = (id: string, label: string, act: () => void): SearchEntry => ({ id, kind: "action", label, act });
  return [
    action("language", t("search.other_language"), () => void setLanguage(other.id)),
    action("light", t("search.theme_light"), () => setColorScheme("light")),
    action("dark", t("search.theme_dark"), () => setColorScheme("dark")),
    action("out", t("sign_out"), () => void signOutFromMenu()),
  ];
}
