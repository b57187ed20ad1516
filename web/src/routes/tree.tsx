// Which address shows what. Every page is a chunk of its own.

import { createRootRoute, createRoute, createRouter, lazyRouteComponent, redirect } from "@tanstack/react-router";

import { startEvents } from "../api/events";
import { fetchSession } from "../api/fetch";
import { session } from "../api/session";
import { BrokenPage, LostPage } from "./fallbacks";
import { Shell } from "./Shell";

interface NextSearch {
  next?: string;
}

const root = createRootRoute({ notFoundComponent: LostPage, errorComponent: BrokenPage });

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
  component: lazyRouteComponent(() => import("../features/jobs/JobsPage"), "JobsPage"),
});

const files = createRoute({
  getParentRoute: () => signedIn,
  path: "/files",
  validateSearch: (search): { path?: string } => (typeof search["path"] === "string" ? { path: search["path"] } : {}),
  component: lazyRouteComponent(() => import("../features/files/FilesPage"), "FilesPage"),
});

const routeTree = root.addChildren([
  signIn,
  signedIn.addChildren([dashboard.addChildren([dashboardIndex, newApp]), app, account, jobs, files]),
]);

export const router = createRouter({
  routeTree,
  defaultPreload: "intent",
  scrollRestoration: true,
  defaultPendingMs: 300,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
