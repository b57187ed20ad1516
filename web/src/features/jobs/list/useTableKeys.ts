// Keys while a row of the table has the focus; the row's link holds it.

import { useNavigate } from "@tanstack/react-router";
import type { KeyboardEvent } from "react";

import type { Job } from "../../../api/types";
import { can } from "../job";

interface Acts {
  toggle: (id: string) => void;
  cancel: (job: Job) => void;
}

export function useTableKeys(jobs: readonly Job[], { toggle, cancel }: Acts) {
  const navigate = useNavigate();
  return (event: KeyboardEvent<HTMLTableSectionElement>) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.nativeEvent.isComposing) return;
    const index = rowOf(event.target);
    const job = jobs[index];
    if (!job) return;
    const body = event.currentTarget;
    const focus = (next: number) => body.querySelector<HTMLElement>(`tr[data-index="${next}"] a`)?.focus();
    if (event.key === "j" || event.key === "ArrowDown") focus(index + 1);
    else if (event.key === "k" || event.key === "ArrowUp") focus(index - 1);
    else if (event.key === "x") toggle(job.id);
    else if (event.key === "c" && can.cancel(job)) cancel(job);
    else if (event.key === "o") void navigate({ to: "/jobs/$id", params: { id: job.id } });
    else return;
    event.preventDefault();
  };
}

/** Index of the row around an element; -1 outside of rows. */
export function rowOf(target: EventTarget): number {
  const row = target instanceof Element ? target.closest<HTMLElement>("tr[data-index]") : null;
  return Number(row?.dataset["index"] ?? -1);
}
