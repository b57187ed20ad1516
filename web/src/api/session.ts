// Who is signed in on this page, and the wait for signing in again when that is over.

import { createStore } from "../lib/store";
import { localProblem } from "./problem";
import type { Session } from "./types";

export const session = createStore<Session | null>(null);

/** True while the page asks to sign in again. */
export const signInAsked = createStore(false);

interface Waiter {
  resolve: () => void;
  reject: (reason: Error) => void;
}

let waiters: Waiter[] = [];

/** Opens the sign-in over the page and waits for it; every caller shares the same one. */
export function signInAgain(): Promise<void> {
  signInAsked.set(true);
  return new Promise((resolve, reject) => waiters.push({ resolve, reject }));
}

/** Somebody signed in: what was waiting goes on. */
export function signedIn(next: Session): void {
  session.set(next);
  settle((waiter) => waiter.resolve());
}

/** The person does not want to sign in now: what was waiting fails. */
export function signInDeclined(): void {
  settle((waiter) => waiter.reject(localProblem("unauthenticated", "sign in first")));
}

function settle(end: (waiter: Waiter) => void): void {
  const ended = waiters;
  waiters = [];
  signInAsked.set(false);
  for (const waiter of ended) end(waiter);
}
