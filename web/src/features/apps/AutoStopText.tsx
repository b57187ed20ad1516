// When the portal ends an app by itself and why, with a way to let it go on; afterwards, why it did.

import { Button } from "@mantine/core";
import { useTranslation } from "react-i18next";

import type { App } from "../../api/types";
import { ProblemNote } from "../../components/ProblemNote";
import { useLanguage } from "../../i18n/useLanguage";
import { formatDateMinute } from "../../lib/format";
import { useNow } from "../../lib/useNow";
import { useKeepApp } from "./actions";
import { countdown, leftSecs } from "./autoStop";
import { NotifyButton } from "./NotifyButton";
import classes from "./AutoStopText.module.css";

export function AutoStopText({ app }: { app: App }) {
  if (!app.auto_stop) return null;
  if (app.phase === "ready") return <Announced app={app} cause={app.auto_stop.cause} />;
  const isOver = app.phase === "stopped" || app.phase === "stopping";
  return isOver ? <Reason cause={app.auto_stop.cause} since={app.auto_stop.since} /> : null;
}

type Cause = NonNullable<App["auto_stop"]>["cause"];

function Announced({ app, cause }: { app: App; cause: Cause }) {
  const { t } = useTranslation("apps");
  const language = useLanguage();
  const keep = useKeepApp();
  const span = countdown(leftSecs(app, useNow(1_000)) ?? 0, language);
  return (
    <div className={classes.announced} data-above>
      <p role="timer">{t(`auto_stop.${cause}`, { span })}</p>
      <ProblemNote error={keep.error} />
      <div className={classes.ways}>
        {cause === "idle" && (
          <Button size="xs" loading={keep.isPending} onClick={() => keep.mutate(app.id)}>
            {t("auto_stop.keep")}
          </Button>
        )}
        <NotifyButton />
      </div>
    </div>
  );
}

function Reason({ cause, since }: { cause: Cause; since: string }) {
  const { t } = useTranslation("apps");
  const when = formatDateMinute(since, useLanguage());
  return (
    <p className={classes.reason} role="status">
      {t(`auto_stop.was_${cause}`, { when })}
    </p>
  );
}
