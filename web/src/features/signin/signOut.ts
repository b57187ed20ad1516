// Ends the session of this browser.

import { api, ok } from "../../api/client";
import { stopEvents, tellSiblings } from "../../api/events";

export async function signOut(): Promise<void> {
  await ok(api.DELETE("/api/v1/session"));
  leave();
}

/** Leaves no trace of the person on the page: a full load, not a change of route. */
export function leave(): void {
  stopEvents();
  tellSiblings("out");
  window.location.assign("/sign-in");
}
