// One step of a sign-in, and the pause that too many attempts bring.

import { useMutation } from "@tanstack/react-query";
import { useState } from "react";

import { ApiError } from "../../api/problem";
import { useCountdown } from "./useCountdown";

interface Ends<Answer> {
  onDone: (answer: Answer) => void;
  /** Takes an error as its own: the form does not tell it then. */
  onError?: (error: Error) => void;
}

export function useAttempt<Input, Answer>(attempt: (input: Input) => Promise<Answer>, { onDone, onError }: Ends<Answer>) {
  const [waitUntil, setWaitUntil] = useState(0);
  const mutation = useMutation({
    mutationFn: attempt,
    onSuccess: onDone,
    onError: (error) => {
      if (error instanceof ApiError && error.problem.status === 429) setWaitUntil(Date.now() + (error.retryAfterSecs ?? 5) * 1000);
      onError?.(error);
    },
  });
  return { ...mutation, waitSecs: useCountdown(waitUntil) };
}
