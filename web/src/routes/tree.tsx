// Which address shows what. Every page is a chunk of its own.

import { createRootRoute, createRoute, createRouter, lazyRouteComponent, redirect } from "@tanstack/react-router";

import { startEvents } from "../api/events";
import { fetchSession } from "../api/fetch";
import { session } from "../api/session";
import { readFilters } from "../features/operate/audit/filters";
import { BrokenFrame, BrokenPage, LostPage } from "./fallbacks";
import { Shell } from "./Shell";

type JobState = "active" | "ended" | "all";
const JOB_STATES: readonly unknown[] = ["active", "ended", "all"];

interface SignInSearch {
  next?: string;
  /** Why a sign-in elsewhere failed, and which. */
  problem?: string;
  provider?: string;
}

const root = createRootRoute({ notFoundComponent: LostPage, errorComponent: BrokenFrame });

const signIn = createRoute({
  getParentRoute: () => root,
  path: "/sign-in",
  validateSearch: (search): SignInSearch => texts(search, "next", "problem", "provider"),
  component: lazyRouteComponent(() => import("../features/signin/SignInPage"), "SignInPage"),
});

/** Where a sign-in in a window of its own ends. */
const signedInElsewhere = createRoute({
  getParentRoute: () => root,
  path: "/sign-in/done",
  component: lazyRouteComponent(() => import("../features/signin/SignedInPage"), "SignedInPage"),
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
  validateSearch: (search): { task?: number } => (Number.isSafeInteger(search["task"]) ? { task: Number(search["task"]) } : {}),
  component: lazyRouteComponent(() => import("../features/jobs/details/JobPage"), "JobPage"),
});

const files = createRoute({
  getParentRoute: () => signedIn,
  path: "/files",
  validateSearch: (search): { path?: string } => (typeof search["path"] === "string" ? { path: search["path"] } : {}),
  component: lazyRouteComponent(() => import("../features/files/FilesPage"), "FilesPage"),
});

const device = createRoute({
  getParentRoute: () => signedIn,
  path: "/device",
  validateSearch: (search): { code?: string } => texts(search, "code"),
  component: lazyRouteComponent(() => import("../features/device/DevicePage"), "DevicePage"),
});

const people = createRoute({
  getParentRoute: () => signedIn,
  path: "/people",
  validateSearch: (search): { query?: string } => texts(search, "query"),
  component: lazyRouteComponent(() => import("../features/operate/people/PeoplePage"), "PeoplePage"),
});

const person = createRoute({
  getParentRoute: () => signedIn,
  path: "/people/$id",
  component: lazyRouteComponent(() => import("../features/operate/people/PersonPage"), "PersonPage"),
});

const audit = createRoute({
  getParentRoute: () => signedIn,
  path: "/audit",
  validateSearch: readFilters,
  component: lazyRouteComponent(() => import("../features/operate/audit/AuditPage"), "AuditPage"),
});

const notices = createRoute({
  getParentRoute: () => signedIn,
  path: "/notices",
  component: lazyRouteComponent(() => import("../features/operate/notices/NoticesPage"), "NoticesPage"),
});

const routeTree = root.addChildren([
  signIn,
  signedInElsewhere,
  signedIn.addChildren([dashboard.addChildren([dashboardIndex, newApp]), app, account, jobs, newJob, job, files, device, people, person, audit, notices]),
]);

export const router = createRouter({
  routeTree,
  defaultPreload: "intent",
  defaultErrorComponent: BrokenPage,
  scrollRestoration: true,
  defaultPendingMs: 300,
});

/** Those of the address's values that are texts with something in them. */
function texts<Name extends string>(search: Record<string, unknown>, ...names: Name[]): { [name in Name]?: string } {
  const found = names.flatMap((name) => {
    const value = search[name];
    // The router reads numbers where a text looks like one.
    const text = typeof value === "number" ? String(value) : value;
    return typeof text === "string" && text !== "" ? [[name, text]] : [];
  });
  return Object.fromEntries(found) as { [name in Name]?: string };
}

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
