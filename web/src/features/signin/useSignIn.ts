// Signing in with name and password, and the pause that too many attempts bring.

import { useMutation } from "@tanstack/react-query";
import { useEffect, useState } from "react";

import { ok, openApi } from "../../api/client";
import { ApiError } from "../../api/problem";
import type { Session } from "../../api/types";

export interface Credentials {
  name: string;
  password: string;
}

export function useSignIn(onDone: (session: Session) => void) {
  const [waitUntil, setWaitUntil] = useState(0);
  const mutation = useMutation({
    mutationFn: (credentials: Credentials) => ok(openApi.POST("/api/v1/session", { body: credentials })),
    onSuccess: onDone,
    onError: (error) => {
      if (error instanceof ApiError && error.code === "too_many") setWaitUntil(Date.now() + (error.retryAfterSecs ?? 5) * 1000);
    },
  });
  return { ...mutation, waitSecs: useCountdown(waitUntil) };
}

/** Whole seconds until a moment; 0 once it is over. */
function useCountdown(until: number): number {
  const [now, setNow] = useState(() => Date.now());
  const left = Math.max(0, Math.ceil((until - now) / 1000));
  useEffect(() => {
    if (until <= Date.now()) return;
    const timer = setInterval(() => {
      setNow(Date.now());
      if (Date.now() >= until) clearInterval(timer);
    }, 250);
    return () => clearInterval(timer);
  }, [until]);
  return left;
}
