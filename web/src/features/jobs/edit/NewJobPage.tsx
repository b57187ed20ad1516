// The batch form, the script it makes, and what speaks for or against it.

import { Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import { Page } from "../../../components/Page";
import { ProblemNote } from "../../../components/ProblemNote";
import { preferredSystem } from "../../../lib/preferredSystem";
import { jobQuery, jobScriptQuery, systemsQuery } from "../queries";
import { EMPTY_FORM, loadDraft } from "./draft";
import { JobEditor } from "./JobEditor";
import { parseScript } from "./useScript";

const route = getRouteApi("/signed-in/jobs/new");

export function NewJobPage() {
  const { t } = useTranslation("jobs");
  const { from } = route.useSearch();
  const systems = useQuery(systemsQuery);
  const preferred = preferredSystem();
  const system = (systems.data?.find(({ id }) => id === preferred) ?? systems.data?.[0])?.id ?? "";
  const start = useStart(system, from);
  return (
    <Page title={t("new.title")} width="full">
      <ProblemNote error={systems.error ?? start.error} onRetry={() => void systems.refetch()} />
      {systems.data?.length === 0 && <p>{t("new.no_system")}</p>}
      {start.data && system ? (
        <JobEditor key={from ?? "draft"} systems={systems.data ?? []} first={system} initial={start.data} isDraft={from === undefined} />
      ) : (
        !systems.error && !start.error && <Skeleton height={420} radius="lg" />
      )}
    </Page>
  );
}

/** What the form begins with: the draft, or an earlier job taken apart. */
function useStart(system: string, from: string | undefined) {
  const job = useQuery({ ...jobQuery(from ?? ""), enabled: from !== undefined });
  const script = useQuery({ ...jobScriptQuery(from ?? ""), enabled: from !== undefined });
  return useQuery({
    queryKey: ["jobs", "start", system, from ?? null],
    queryFn: async () => {
      if (from === undefined) return loadDraft();
      const { form } = await parseScript(job.data?.system ?? system, script.data ?? "");
      return { ...EMPTY_FORM, ...form, work_dir: job.data?.work_dir ?? form.work_dir };
    },
    enabled: system !== "" && (from === undefined || (job.data !== undefined && script.data !== undefined)),
    staleTime: 0,
    gcTime: 0,
  });
}
