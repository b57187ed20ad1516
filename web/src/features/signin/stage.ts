// Where a sign-in stands: name and password, then what more the portal asks for.

import { toLocal } from "../../api/clock";
import { ApiError } from "../../api/problem";
import type { Factor, Session, SignInStep } from "../../api/types";

export type Stage =
  | { at: "password"; isLapsed: boolean }
  | { at: "factor"; step: SignInStep; way: Factor }
  | { at: "enrolment"; step: SignInStep }
  | { at: "codes"; session: Session; codes: readonly string[] };

export type Move =
  | { type: "asked"; step: SignInStep }
  | { type: "way"; way: Factor }
  | { type: "enrolled"; session: Session; codes: readonly string[] }
  | { type: "lapsed" }
  | { type: "left" };

export const START: Stage = { at: "password", isLapsed: false };

export function nextStage(stage: Stage, move: Move): Stage {
  switch (move.type) {
    case "asked":
      return move.step.step === "enrolment"
        ? { at: "enrolment", step: move.step }
        : { at: "factor", step: move.step, way: firstWay(move.step.factors) };
    case "way":
      return stage.at === "factor" && stage.step.factors.includes(move.way) ? { ...stage, way: move.way } : stage;
    case "enrolled":
      return { at: "codes", session: move.session, codes: move.codes };
    case "lapsed":
      // The codes are shown once: they stay, whatever becomes of the step that brought them.
      return stage.at === "codes" ? stage : { at: "password", isLapsed: true };
    case "left":
      return START;
  }
}

export function isStep(answer: Session | SignInStep): answer is SignInStep {
  return "step" in answer;
}

/** True where a step was refused because its time is over, or the sign-in went on elsewhere. */
export function isStepOver(error: unknown): boolean {
  return error instanceof ApiError && ([401, 404, 410].includes(error.problem.status) || error.code === "sign_in_other_step");
}

/** When the step ends, on this machine's clock; null where there is none. */
export function stepEndsAt(stage: Stage): number | null {
  return stage.at === "factor" || stage.at === "enrolment" ? toLocal(stage.step.expires_at) : null;
}

const BY_HABIT: readonly Factor[] = ["totp", "passkey", "recovery_code"];

function firstWay(factors: readonly Factor[]): Factor {
  return BY_HABIT.find((way) => factors.includes(way)) ?? "totp";
}
