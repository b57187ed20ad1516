// One job in full: its life, its output as it grows, what it asked for, its script.

import { Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate, useParams } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import { isNotFound } from "../../../api/problem";
import type { Job } from "../../../api/types";
import { Page } from "../../../components/Page";
import { PhaseMark } from "../../../components/PhaseMark";
import { ProblemNote } from "../../../components/ProblemNote";
import { problemText } from "../../../lib/problemText";
import { JobPhase } from "../JobPhase";
import { jobQuery } from "../queries";
import { JobActions } from "./JobActions";
import { JobFacts } from "./JobFacts";
import { JobUsage } from "./JobUsage";
import { LifeLine } from "./LifeLine";
import { OutputPanel } from "./OutputPanel";
import { RecordPanel } from "./RecordPanel";
import { ScriptPanel } from "./ScriptPanel";
import { TasksPanel } from "./TasksPanel";
import classes from "./JobPage.module.css";

export function JobPage() {
  const { t } = useTranslation("jobs");
  const { id } = useParams({ from: "/signed-in/jobs/$id" });
  const { data: job, error, refetch } = useQuery(jobQuery(id));
  if (job) return <Details job={job} />;
  return (
    <Page title={t("details.title")}>
      {isNotFound(error) && <p>{t("details.gone")}</p>}
      {error && !isNotFound(error) && <ProblemNote error={error} onRetry={() => void refetch()} />}
      {!error && <Skeleton height={320} radius="lg" />}
    </Page>
  );
}

const route = getRouteApi("/signed-in/jobs/$id");

function Details({ job }: { job: Job }) {
  const { t, i18n } = useTranslation("jobs");
  const { task } = route.useSearch();
  const navigate = useNavigate({ from: "/jobs/$id" });
  const choose = (index: number) => void navigate({ search: { task: index }, replace: true, resetScroll: false });
  const heading = (
    <div className={classes.heading}>
      <h1>{job.name}</h1>
      <span role="status">
        <JobPhase job={job} />
      </span>
    </div>
  );
  return (
    <Page title={job.name} heading={heading} actions={<JobActions job={job} />}>
      {job.reason && <p className={classes.reason}>{problemText(job.reason, i18n)}</p>}
      {job.elsewhere && <p className="muted">{t("elsewhere.text")}</p>}
      {job.refusal && (
        <p className={classes.reason} role="status">
          <PhaseMark tone="fail" shape="triangle">
            {t("refusal.text")}: {problemText(job.refusal, i18n)}
          </PhaseMark>
        </p>
      )}
      <div className={classes.columns}>
        <div className={classes.side}>
          <LifeLine job={job} />
          <JobFacts job={job} />
          <JobUsage job={job} />
        </div>
        <div className={classes.main}>
          {job.array && <TasksPanel job={job} chosen={task} onChoose={choose} />}
          {!job.elsewhere && (!job.array || task !== undefined) && <OutputPanel job={job} task={job.array ? task : undefined} />}
          {!job.elsewhere && <ScriptPanel job={job} />}
          <RecordPanel job={job} />
        </div>
      </div>
    </Page>
  );
}
