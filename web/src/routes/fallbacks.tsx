// Pages for what is not there and for what could not be shown.

import { Button } from "@mantine/core";
import { Link, type ErrorComponentProps } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import { askNow } from "../api/connection";
import { isAway } from "../api/problem";
import { useTitle } from "../components/Page";
import classes from "./fallbacks.module.css";

export function LostPage() {
  const { t } = useTranslation();
  useTitle(t("lost.title"));
  return (
    <main className={classes.fallback}>
      <h1>{t("lost.title")}</h1>
      <p className="muted">{t("lost.text")}</p>
      <Button renderRoot={(props) => <Link to="/" {...props} />}>{t("lost.home")}</Button>
    </main>
  );
}

/** Where the frame itself could not be shown. */
export function BrokenFrame(props: ErrorComponentProps) {
  return (
    <main>
      <BrokenPage {...props} />
    </main>
  );
}

export function BrokenPage({ error, reset }: ErrorComponentProps) {
  const { t } = useTranslation();
  const away = isAway(error);
  useTitle(away ? t("away.title") : t("broken.title"));
  const again = () => (away ? void askNow().then(reset) : window.location.reload());
  return (
    <div className={classes.fallback} role="alert">
      <h1>{away ? t("away.title") : t("broken.title")}</h1>
      <p className="muted">{away ? t("away.text") : t("broken.text")}</p>
      <Button onClick={again}>{away ? t("away.now") : t("broken.reload")}</Button>
    </div>
  );
}
