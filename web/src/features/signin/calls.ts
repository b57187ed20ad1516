// The calls of a sign-in. None of them asks for a sign-in itself.

import { ok, openApi } from "../../api/client";
import { session } from "../../api/session";
import type { Session, SignInStep } from "../../api/types";

export interface Credentials {
  provider?: string;
  name: string;
  password: string;
}

export const sendPassword = (body: Credentials): Promise<Session | SignInStep> => ok(openApi.POST("/api/v1/session", { body }));

export const sendCode = (code: string) => ok(openApi.POST("/api/v1/sign-in/totp", { body: { code } }));

export const sendRecoveryCode = (code: string) => ok(openApi.POST("/api/v1/sign-in/recovery-code", { body: { code } }));

export const askPasskey = () => ok(openApi.POST("/api/v1/sign-in/passkey/options"));

export const sendPasskey = (credential: unknown) => ok(openApi.POST("/api/v1/sign-in/passkey", { body: { credential } }));

export const beginEnrolment = () => ok(openApi.POST("/api/v1/sign-in/enrolment"));

export const confirmEnrolment = (code: string) => ok(openApi.POST("/api/v1/sign-in/enrolment/confirm", { body: { code } }));

const KEPT_AS = "myksc-sign-in-until";

/** Remembers in this tab that a step waits, so that a reload goes on with it. */
export function rememberStep(step: SignInStep | null): void {
  try {
    if (step) sessionStorage.setItem(KEPT_AS, step.expires_at);
    else sessionStorage.removeItem(KEPT_AS);
  } catch {
    // Then a reload begins anew.
  }
}

/** The step that waits in this tab; null where none does. */
export async function findStep(): Promise<SignInStep | null> {
  if (!hasStep() || session.get()) return null;
  return ok(openApi.GET("/api/v1/sign-in"));
}

export function hasStep(): boolean {
  try {
    return sessionStorage.getItem(KEPT_AS) !== null;
  } catch {
    return false;
  }
}

/** Gives the waiting step up; where the portal can't be told, its time ends it. */
export async function dropStep(): Promise<void> {
  rememberStep(null);
  await ok(openApi.DELETE("/api/v1/sign-in")).catch(() => undefined);
}
