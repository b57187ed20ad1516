// fetch for the portal: CSRF token, deadline, whether a person asked, and sign-in in place when the session is over.

import { learnClock } from "./clock";
import { portalAnswered, portalIsAway } from "./connection";
import { isPresent } from "./presence";
import { localProblem } from "./problem";
import { session, signInAgain } from "./session";
import type { Session } from "./types";

const DEADLINE_MS = 30_000;
/** On requests that no person caused: they do not put off the end of an idle session. */
const BACKGROUND = "X-Background";
const SAFE_METHODS = new Set(["GET", "HEAD", "OPTIONS"]);

/** Sends one request and no more; throws an `ApiError` when no answer came. */
export async function send(request: Request): Promise<Response> {
  const deadline = AbortSignal.timeout(DEADLINE_MS);
  try {
    const answer = await fetch(marked(request), { signal: AbortSignal.any([request.signal, deadline]) });
    learnClock(answer.headers.get("Date"));
    if (answer.status === 502 || answer.status === 504) portalIsAway();
    else portalAnswered();
    return answer;
  } catch (cause) {
    if (request.signal.aborted) throw cause;
    if (deadline.aborted) throw localProblem("timed_out", "the portal took too long to answer");
    portalIsAway();
    throw localProblem("portal_away", "the portal does not answer");
  }
}

/** Like `send`; a request that fails because the session is over is sent again after a new sign-in. */
export async function portalFetch(request: Request): Promise<Response> {
  const again = request.clone();
  const answer = await send(request);
  if (answer.status === 401 && (await codeOf(answer)) !== "wrong_credentials") {
    await signInAgain();
    return send(again);
  }
  if (answer.status === 403 && (await codeOf(answer)).startsWith("csrf")) {
    await refreshSession();
    return send(again);
  }
  return answer;
}

/** Asks who is signed in; null when nobody is. A look in the background does not count as use of the session. */
export async function fetchSession({ background = false } = {}): Promise<Session | null> {
  const headers: HeadersInit = background ? { [BACKGROUND]: "1" } : {};
  const answer = await send(new Request(new URL("/api/v1/session", window.location.origin), { cache: "no-store", headers }));
  if (answer.status === 401) return null;
  if (!answer.ok) throw localProblem("unreadable_answer", `the portal answered with status ${answer.status}`);
  return (await answer.json()) as Session;
}

function marked(request: Request): Request {
  const token = session.get()?.csrf_token;
  const isSafe = SAFE_METHODS.has(request.method);
  if (token && !isSafe) request.headers.set("X-CSRF-Token", token);
  if (isSafe && !isPresent()) request.headers.set(BACKGROUND, "1");
  return request;
}

/** Gets the token of the session that this browser has by now; asks for a sign-in where it has none. */
export async function refreshSession(): Promise<void> {
  const next = await fetchSession({ background: true });
  if (next === null) await signInAgain();
  else if (next.user.id === session.get()?.user.id) session.set(next);
}

async function codeOf(answer: Response): Promise<string> {
  try {
    return String(((await answer.clone().json()) as { code?: unknown }).code ?? "");
  } catch {
    return "";
  }
}
