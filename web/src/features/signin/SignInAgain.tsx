// Waits for the session to be over; what asks for a new sign-in is loaded then.

import { lazy, Suspense } from "react";

import { signInAsked } from "../../api/session";
import { useStore } from "../../lib/store";

const SignInAgainDialog = lazy(() => import("./SignInAgainDialog").then((module) => ({ default: module.SignInAgainDialog })));

export function SignInAgain() {
  const isAsked = useStore(signInAsked);
  return <Suspense>{isAsked && <SignInAgainDialog />}</Suspense>;
}
