// The five steps of a launch.

import type { App, Step } from "../../api/types";

export const STEPS: readonly Step[] = ["accepted", "placed", "image_ready", "started", "answering"];

/** How many steps are done, counted to the furthest one. */
export function stepsDone(app: Pick<App, "steps">): number {
  return app.steps.reduce((most, { step }) => Math.max(most, STEPS.indexOf(step) + 1), 0);
}

/** The step that is being waited for; null when all are done. */
export function nextStep(app: App): Step | null {
  return STEPS[stepsDone(app)] ?? null;
}
