// What went wrong with a call, in one type: the portal's own problem, or one of ours with the same shape.

import type { FieldProblem, Problem } from "./types";

export class ApiError extends Error {
  readonly problem: Problem;
  readonly retryAfterSecs: number | null;

  constructor(problem: Problem, retryAfterSecs: number | null = null) {
    super(problem.detail);
    this.name = "ApiError";
    this.problem = problem;
    this.retryAfterSecs = retryAfterSecs;
  }

  get code(): string {
    return this.problem.code;
  }

  get fields(): FieldProblem[] {
    return this.problem.fields;
  }
}

/** A problem that arose on this side of the wire; `status` is 0. */
export function localProblem(code: string, detail: string): ApiError {
  return new ApiError({ type: "about:blank", title: detail, status: 0, detail, code, params: {}, fields: [], request_id: "" });
}

export function isAway(error: unknown): boolean {
  return error instanceof ApiError && (error.code === "portal_away" || error.code === "timed_out");
}

export function isNotFound(error: unknown): boolean {
  return error instanceof ApiError && error.problem.status === 404;
}

/** Reads the problem of an answer that is no success; anything unreadable becomes a problem too. */
export function toApiError(body: unknown, response: Response): ApiError {
  const retryAfter = Number.parseInt(response.headers.get("Retry-After") ?? "", 10);
  const retryAfterSecs = Number.isFinite(retryAfter) ? retryAfter : null;
  const given = typeof body === "object" && body !== null ? (body as Partial<Problem>) : {};
  const code = typeof given.code === "string" ? given.code : "unreadable_answer";
  const detail = given.detail ?? given.title ?? `the portal answered with status ${response.status}`;
  const problem: Problem = {
    type: given.type ?? "about:blank",
    title: given.title ?? detail,
    status: response.status,
    detail,
    code,
    params: given.params ?? {},
    fields: Array.isArray(given.fields) ? given.fields : [],
    request_id: given.request_id ?? response.headers.get("X-Request-Id") ?? "",
  };
  return new ApiError(problem, retryAfterSecs);
}
