// Ends the session of this browser.

import { notifications } from "@mantine/notifications";
import i18next from "i18next";

import { api, ok } from "../../api/client";
import { stopEvents, tellSiblings } from "../../api/events";
import { forgetPerson } from "../../api/personal";
import { errorText } from "../../lib/problemText";

export async function signOut(): Promise<void> {
  const answer = await ok(api.DELETE("/api/v1/session"));
  leave(answer?.continue_at);
}

/** From a menu, which is gone by then: a failure is told at the edge of the page. */
export async function signOutFromMenu(): Promise<void> {
  try {
    await signOut();
  } catch (error) {
    notifications.show({ color: "red", message: errorText(error, i18next) });
  }
}

/** Leaves no trace of the person in the browser: a full load, not a change of route. Some providers have a way out of their own. */
export function leave(continueAt?: string): void {
  stopEvents();
  forgetPerson();
  tellSiblings("out");
  window.location.assign(isWebAddress(continueAt) ? continueAt : "/sign-in");
}

function isWebAddress(address: string | undefined): address is string {
  return address !== undefined && /^(https?:\/\/|\/(?!\/))/.test(address);
}
