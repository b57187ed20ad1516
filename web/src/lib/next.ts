// Where to go after signing in.

const SERVED_BY_PORTAL = /^\/(open|api)(\/|\?|$)/;

/** The path to go on to: of this origin only, anything else is the dashboard. */
export function safeNext(next: unknown, origin = window.location.origin): string {
  if (typeof next !== "string" || !next.startsWith("/")) return "/";
  try {
    const url = new URL(next, origin);
    if (url.origin !== origin) return "/";
    const path = url.pathname + url.search + url.hash;
    // "/\t/host" parses to "//host": as a path on its own it would name another host.
    return path.startsWith("//") || url.pathname === "/sign-in" ? "/" : path;
  } catch {
    return "/";
  }
}

/** True when the portal itself, and not this page, serves the path. */
export function needsNavigation(path: string): boolean {
  return SERVED_BY_PORTAL.test(path);
}
