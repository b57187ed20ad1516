// Which address shows what. Every page is a chunk of its own.

import { createRootRoute, createRoute, createRouter, lazyRouteComponent, redirect } from "@tanstack/react-router";

import { startEvents } from "../api/events";
import { fetchSession } from "../api/fetch";
import { session } from "../api/session";
import { BrokenFrame, BrokenPage, LostPage } from "./fallbacks";
import { Shell } from "./Shell";

type JobState = "active" | "ended" | "all";
const JOB_STATES: readonly unknown[] = ["active", "ended", "all"];

interface NextSearch {
  next?: string;
}

const root = createRootRoute({ notFoundComponent: LostPage, errorComponent: BrokenFrame });

const signIn = createRoute({
  getParentRoute: () => root,
  path: "/sign-in",
  validateSearch: (search): NextSearch => (typeof search["next"] === "string" ? { next: search["next"] } : {}),
  component: lazyRouteComponent(() => import("../features/signin/SignInPage"), "SignInPage"),
});

/** Everything that needs somebody to be signed in. */
const signedIn = createRoute({
  getParentRoute: () => root,
  id: "signed-in",
  component: Shell,
  errorComponent: BrokenFrame,
  beforeLoad: async ({ location }) => {
    if (session.get()) return;
    const found = await fetchSession();
    if (found === null) throw redirect({ to: "/sign-in", search: location.href === "/" ? {} : { next: location.href } });
    session.set(found);
    startEvents();
  },
});

const dashboard = createRoute({
  getParentRoute: () => signedIn,
  id: "dashboard",
  component: lazyRouteComponent(() => import("../features/dashboard/DashboardPage"), "DashboardPage"),
});

const dashboardIndex = createRoute({ getParentRoute: () => dashboard, path: "/" });

const newApp = createRoute({
  getParentRoute: () => dashboard,
  path: "/apps/new",
  validateSearch: (search): { template?: string } =>
    typeof search["template"] === "string" ? { template: search["template"] } : {},
  component: lazyRouteComponent(() => import("../features/apps/new/NewAppDialog"), "NewAppDialog"),
});

const app = createRoute({
  getParentRoute: () => signedIn,
  path: "/apps/$id",
  component: lazyRouteComponent(() => import("../features/apps/details/AppPage"), "AppPage"),
});

const account = createRoute({
  getParentRoute: () => signedIn,
  path: "/account",
  component: lazyRouteComponent(() => import("../features/account/AccountPage"), "AccountPage"),
});

const jobs = createRoute({
  getParentRoute: () => signedIn,
  path: "/jobs",
  validateSearch: (search): { state?: JobState; search?: string } => ({
    ...(JOB_STATES.includes(search["state"]) ? { state: search["state"] as JobState } : {}),
    ...(typeof search["search"] === "string" && search["search"] !== "" ? { search: search["search"] } : {}),
  }),
  component: lazyRouteComponent(() => import("../features/jobs/JobsPage"), "JobsPage"),
});

const newJob = createRoute({
  getParentRoute: () => signedIn,
  path: "/jobs/new",
  validateSearch: (search): { from?: string } => (typeof search["from"] === "string" ? { from: search["from"] } : {}),
  component: lazyRouteComponent(() => import("../features/jobs/edit/NewJobPage"), "NewJobPage"),
});

const job = createRoute({
  getParentRoute: () => signedIn,
  path: "/jobs/$id",
  component: lazyRouteComponent(() => import("../features/jobs/details/JobPage"), "JobPage"),
});

const files = createRoute({
  getParentRoute: () => signedIn,
  path: "/files",
  validateSearch: (search): { path?: string } => (typeof search["path"] === "string" ? { path: search["path"] } : {}),
  component: lazyRouteComponent(() => import("../features/files/FilesPage"), "FilesPage"),
});

const routeTree = root.addChildren([
  signIn,
  signedIn.addChildren([dashboard.addChildren([dashboardIndex, newApp]), app, account, jobs, newJob, job, files]),
]);

export const router = createRouter({
  routeTree,
  defaultPreload: "intent",
  defaultErrorComponent: BrokenPage,
  scrollRestoration: true,
  defaultPendingMs: 300,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
