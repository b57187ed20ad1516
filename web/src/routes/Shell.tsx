// The frame around every page of a signed-in person.

import { Outlet } from "@tanstack/react-router";
import { lazy, Suspense } from "react";
import { useTranslation } from "react-i18next";

import { AwayBanner } from "../components/AwayBanner";
import { IdleWatch } from "../features/idle/IdleWatch";
import { SignInAgain } from "../features/signin/SignInAgain";
import { TopBar } from "./TopBar";
import { BottomTabs } from "./Navigation";
import classes from "./Shell.module.css";

/** Not needed for the first look at a page. */
const AutoStopWatch = lazy(() => import("../features/apps/AutoStopWatch").then((module) => ({ default: module.AutoStopWatch })));

export function Shell() {
  const { t } = useTranslation();
  return (
    <div className={classes.shell}>
      <a className={classes.skip} href="#content">
        {t("skip")}
      </a>
      <TopBar />
      <AwayBanner />
      <main id="content" tabIndex={-1} className={classes.content}>
        <Outlet />
      </main>
      <BottomTabs />
      <SignInAgain />
      <IdleWatch />
      <Suspense>
        <AutoStopWatch />
      </Suspense>
    </div>
  );
}
