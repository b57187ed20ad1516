import { expect, test } from "vitest";

import { localProblem, toApiError } from "../../api/problem";
import type { Session, SignInStep } from "../../api/types";
import { isStep, isStepOver, nextStage, START, stepEndsAt, type Stage } from "./stage";

const step = (part: Partial<SignInStep> = {}): SignInStep => ({
  step: "factor",
  factors: ["totp", "recovery_code"],
  expires_at: "2030-01-01T00:00:00Z",
  ...part,
});
const session = { expires_at: "2030-01-01T00:00:00Z" } as Session;

test("a portal that wants a code is asked for one first, and for a passkey where there is nothing else", () => {
  expect(nextStage(START, { type: "asked", step: step() })).toMatchObject({ at: "factor", way: "totp" });
  expect(nextStage(START, { type: "asked", step: step({ factors: ["passkey", "recovery_code"] }) })).toMatchObject({ way: "passkey" });
});

test("a way that the portal does not offer can't be chosen", () => {
  const asked = nextStage(START, { type: "asked", step: step() });
  expect(nextStage(asked, { type: "way", way: "recovery_code" })).toMatchObject({ way: "recovery_code" });
  expect(nextStage(asked, { type: "way", way: "passkey" })).toBe(asked);
});

test("who has no second step yet sets one up, and sees the codes until they are kept", () => {
  let stage: Stage = nextStage(START, { type: "asked", step: step({ step: "enrolment", factors: [] }) });
  expect(stage.at).toBe("enrolment");
  stage = nextStage(stage, { type: "enrolled", session, codes: ["a", "b"] });
  expect(nextStage(stage, { type: "lapsed" })).toBe(stage);
});

test("a step whose time is over leads back to the password, and says so", () => {
  const asked = nextStage(START, { type: "asked", step: step() });
  expect(nextStage(asked, { type: "lapsed" })).toEqual({ at: "password", isLapsed: true });
  expect(nextStage(asked, { type: "left" })).toEqual({ at: "password", isLapsed: false });
});

test("an answer is a step or a session", () => {
  expect(isStep(step())).toBe(true);
  expect(isStep(session)).toBe(false);
});

test("a wrong code does not end the step, a step that is gone does", () => {
  const refusal = (status: number) => toApiError({ code: "x" }, new Response(null, { status }));
  expect(isStepOver(refusal(404))).toBe(true);
  expect(isStepOver(refusal(401))).toBe(true);
  expect(isStepOver(refusal(422))).toBe(false);
  expect(isStepOver(refusal(429))).toBe(false);
  expect(isStepOver(localProblem("portal_away", "away"))).toBe(false);
});

test("only steps that wait for the person have an end", () => {
  expect(stepEndsAt(START)).toBeNull();
  expect(stepEndsAt(nextStage(START, { type: "asked", step: step() }))).toBe(Date.parse("2030-01-01T00:00:00Z"));
});
