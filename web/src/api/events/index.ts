// Starts the live events of this tab and ties them to session and query cache.

import { keys } from "../keys";
import { queryClient } from "../queryClient";
import { session, signInAgain, signInAsked, signedIn } from "../session";
import { fetchSession } from "../fetch";
import { applyEvent, onPortalEvent } from "./apply";
import { browserSurroundings } from "./browser";
import { EventStream, type PortalEvent } from "./leader";

export { onPortalEvent } from "./apply";

let stream: EventStream | null = null;

export function startEvents(): void {
  if (stream) return;
  stream = new EventStream(browserSurroundings(), deliver);
  stream.start();
}

export function stopEvents(): void {
  stream?.stop();
  stream = null;
}

/** What features make of a reset comes before everything is fetched anew. */
function deliver(event: PortalEvent): void {
  applyEvent(event, queryClient);
  if (event.kind === "reset") void queryClient.invalidateQueries();
}

onPortalEvent("contract", (_event, cache) => void cache.invalidateQueries({ queryKey: keys.contract }));
onPortalEvent("session_ended", () => void checkSession());

/** The stream says that a session ended: of this browser, or one that it had before. */
async function checkSession(): Promise<void> {
  if (session.get() === null) return;
  try {
    const now = await fetchSession({ background: true });
    if (now === null) await signInAgain();
    else if (signInAsked.get()) signedIn(now);
  } catch {
    // The next call finds out.
  }
}

/** Tabs tell each other when somebody signed in or out, or put off the end of the session. */
const siblings = new BroadcastChannel("myksc-session");

siblings.onmessage = ({ data }) => {
  if (data === "out") void checkSession();
  else void followSibling();
};

export function tellSiblings(what: "in" | "out" | "extended"): void {
  siblings.postMessage(what);
}

async function followSibling(): Promise<void> {
  const own = session.get();
  if (own === null) return;
  const now = await fetchSession({ background: true }).catch(() => null);
  if (now === null) return;
  if (now.user.id === own.user.id) signedIn(now);
  else window.location.assign("/"); // Another person uses this browser now: nothing of the first may stay.
}
