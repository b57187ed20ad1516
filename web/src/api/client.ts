// The typed client of the portal's interface.

import createClient from "openapi-fetch";

import { portalFetch, send } from "./fetch";
import type { Paths } from "./identity";
import { toApiError } from "./problem";

/** Calls as the person who is signed in; a session that is over is renewed in place. */
export const api = createClient<Paths>({ baseUrl: window.location.origin, fetch: portalFetch });

/** Calls that must not ask for a sign-in: the sign-in itself and what comes before it. */
export const openApi = createClient<Paths>({ baseUrl: window.location.origin, fetch: send });

interface Outcome<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** The body of a call that went well; throws an `ApiError` otherwise. */
export async function ok<T>(call: Promise<Outcome<T>>): Promise<T> {
  const { data, error, response } = await call;
  if (!response.ok) throw toApiError(error, response);
  return data as T;
}

/** A key that makes a repeated create the same create. */
export function newIdempotencyKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
