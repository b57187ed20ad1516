// One app on the dashboard. When it is ready the whole face is a link that opens it in its own window.

import { Button } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import type { App, Template } from "../../api/types";
import { Moment } from "../../components/Moment";
import { ProblemNote } from "../../components/ProblemNote";
import { useText } from "../../i18n/useLanguage";
import { Icon, templateIcon } from "../../ui/icons";
import { can, useStartApp, useStopApp } from "./actions";
import { AppMenu } from "./AppMenu";
import { AppPhase } from "./AppPhase";
import { AutoStopText } from "./AutoStopText";
import { FailureText } from "./FailureText";
import { HoldText } from "./HoldText";
import { RestartNote } from "./RestartNote";
import { StepBar } from "./StepBar";
import { useResourceText } from "./useResourceText";
import classes from "./AppCard.module.css";

interface Props {
  app: App;
  template: Template | undefined;
}

export function AppCard({ app, template }: Props) {
  const text = useText();
  return (
    <article className={classes.card} data-phase={app.phase} aria-label={app.name}>
      <header className={classes.head}>
        <span className={classes.icon}>
          <Icon name={templateIcon(template?.icon)} size={22} />
        </span>
        <div className={classes.names}>
          <h3 className={classes.name}>
            <Face app={app} />
          </h3>
          <p className="muted small">{text(template?.title) || app.template}</p>
        </div>
        <AppMenu app={app} />
      </header>
      <div className={classes.state}>
        <AppPhase app={app} />
        <Resources app={app} />
      </div>
      <Body app={app} />
    </article>
  );
}

/** The card's name; it reaches over the whole card. */
function Face({ app }: { app: App }) {
  const { t } = useTranslation();
  if (!can.open(app)) {
    return (
      <Link to="/apps/$id" params={{ id: app.id }} className={classes.face}>
        {app.name}
      </Link>
    );
  }
  return (
    <a href={app.origin} target={`myksc-${app.id}`} rel="noopener" className={classes.face}>
      {app.name}
      <span className="visually-hidden"> ({t("new_window")})</span>
    </a>
  );
}

function Resources({ app }: { app: App }) {
  const words = useResourceText();
  return <span className="muted small">{words(app.resources)}</span>;
}

function Body({ app }: { app: App }) {
  const { t } = useTranslation("apps");
  switch (app.phase) {
    case "starting":
      return (
        <>
          <StepBar app={app} />
          <HoldText app={app} />
          <StopButton app={app} />
        </>
      );
    case "ready":
      return (
        <>
          <HoldText app={app} />
          <AutoStopText app={app} />
          <div className={classes.foot}>
            <span className={classes.open} aria-hidden="true">
              {t("action.open")} <Icon name="external" size={15} />
            </span>
            <span className="muted small">
              <Moment at={app.launched_at} />
            </span>
          </div>
        </>
      );
    case "failed":
      return (
        <>
          <FailureText app={app} />
          <StartButton app={app} again />
        </>
      );
    case "stopped":
      return (
        <>
          <AutoStopText app={app} />
          <StartButton app={app} />
        </>
      );
    case "stopping":
      return <RestartNote app={app} />;
    default:
      return null;
  }
}

function StopButton({ app }: { app: App }) {
  const { t } = useTranslation("apps");
  const stop = useStopApp();
  return (
    <>
      <ProblemNote error={stop.error} />
      <div className={classes.foot}>
        <Button variant="default" size="xs" loading={stop.isPending} onClick={() => stop.mutate(app.id)}>
          {t("action.stop")}
        </Button>
      </div>
    </>
  );
}

function StartButton({ app, again = false }: { app: App; again?: boolean }) {
  const { t } = useTranslation("apps");
  const start = useStartApp();
  return (
    <>
      <ProblemNote error={start.error} />
      <div className={classes.foot}>
        <Button
          variant={again ? "filled" : "default"}
          size="xs"
          leftSection={<Icon name={again ? "restart" : "play"} size={15} />}
          loading={start.isPending}
          onClick={() => start.mutate(app.id)}
        >
          {t(again ? "action.start_again" : "action.start")}
        </Button>
        {app.ended_at && (
          <span className="muted small">
            <Moment at={app.ended_at} />
          </span>
        )}
      </div>
    </>
  );
}
