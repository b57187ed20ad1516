// One app in full: how it came up, what it writes, what it is.

import { Button, Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useParams } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import { isNotFound } from "../../../api/problem";
import type { App } from "../../../api/types";
import { Page } from "../../../components/Page";
import { ProblemNote } from "../../../components/ProblemNote";
import { Icon } from "../../../ui/icons";
import { can, useStartApp, useStopApp } from "../actions";
import { AppMenu } from "../AppMenu";
import { AppPhase } from "../AppPhase";
import { AutoStopText } from "../AutoStopText";
import { FailureText } from "../FailureText";
import { HoldText } from "../HoldText";
import { appQuery } from "../queries";
import { RestartNote } from "../RestartNote";
import { Definition } from "./Definition";
import { LogPanel } from "./LogPanel";
import { StepList } from "./StepList";
import classes from "./AppPage.module.css";

export function AppPage() {
  const { t } = useTranslation("apps");
  const { id } = useParams({ from: "/signed-in/apps/$id" });
  const { data: app, error, refetch } = useQuery(appQuery(id));
  if (isNotFound(error) || app?.phase === "deleted") {
    return (
      <Page title={t("details.title")}>
        <p>{t("details.gone")}</p>
      </Page>
    );
  }
  if (!app) {
    return (
      <Page title={t("details.title")}>
        {error ? <ProblemNote error={error} onRetry={() => void refetch()} /> : <Skeleton height={320} />}
      </Page>
    );
  }
  return <Details app={app} />;
}

function Details({ app }: { app: App }) {
  const navigate = useNavigate();
  return (
    <Page title={app.name} heading={<Heading app={app} />} actions={<Actions app={app} onDeleted={() => void navigate({ to: "/" })} />}>
      <div className={classes.columns}>
        <div className={classes.side}>
          <FailureText app={app} lines={12} />
          <HoldText app={app} />
          <AutoStopText app={app} />
          <RestartNote app={app} />
          <StepList app={app} />
          <Definition app={app} />
        </div>
        <LogPanel key={`${app.id}-${app.generation}`} app={app} />
      </div>
    </Page>
  );
}

function Heading({ app }: { app: App }) {
  return (
    <div className={classes.heading}>
      <h1>{app.name}</h1>
      <AppPhase app={app} />
    </div>
  );
}

function Actions({ app, onDeleted }: { app: App; onDeleted: () => void }) {
  const { t } = useTranslation("apps");
  const [start, stop] = [useStartApp(), useStopApp()];
  return (
    <>
      <ProblemNote error={start.error ?? stop.error} />
      {can.open(app) && (
        <Button component="a" href={app.origin} target={`myksc-${app.id}`} rel="noopener" rightSection={<Icon name="external" size={15} />}>
          {t("action.open")}
        </Button>
      )}
      {can.start(app) && (
        <Button loading={start.isPending} onClick={() => start.mutate(app.id)}>
          {t(app.phase === "failed" ? "action.start_again" : "action.start")}
        </Button>
      )}
      {can.stop(app) && (
        <Button variant="default" loading={stop.isPending} onClick={() => stop.mutate(app.id)}>
          {t("action.stop")}
        </Button>
      )}
      <AppMenu app={app} onDeleted={onDeleted} />
    </>
  );
}
