// Where a sign-in in a window of its own ends: the page that waits for it is told, and the window closes.

import { Button } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useEffect } from "react";
import { useTranslation } from "react-i18next";

import { tellSiblings } from "../../api/events";
import { useTitle } from "../../components/Page";
import classes from "../../routes/fallbacks.module.css";

export function SignedInPage() {
  const { t } = useTranslation("signin");
  useTitle(t("signed_in.title"));
  useEffect(() => {
    tellSiblings("in");
    window.close();
  }, []);
  return (
    <main className={classes.fallback}>
      <h1>{t("signed_in.title")}</h1>
      <p className="muted">{t("signed_in.text")}</p>
      <Button renderRoot={(props) => <Link to="/" {...props} />}>{t("signed_in.home")}</Button>
    </main>
  );
}
