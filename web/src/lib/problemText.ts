// A problem in the reader's words: by its code where there is a text, else the portal's English detail.

import type { i18n } from "i18next";

import { ApiError, localProblem } from "../api/problem";
import { formatBytes, formatCores, formatDateTime, formatNumber, formatSpan, type Language } from "./format";

export interface Coded {
  code: string;
  params: Record<string, unknown>;
  detail: string;
}

/** The text of anything that a call or the portal reports. */
export function problemText(problem: Coded, translator: i18n): string {
  const language = translator.language as Language;
  const key = `errors:${problem.code}`;
  if (!translator.exists(key)) return problem.detail;
  return translator.t(key as never, shownParams({ detail: problem.detail, ...problem.params }, language)) as string;
}

/** The text of a failed call. */
export function errorText(error: unknown, translator: i18n): string {
  const known = error instanceof ApiError ? error : localProblem("unreadable_answer", String(error));
  const { problem, retryAfterSecs } = known;
  const params = { request_id: problem.request_id, ...problem.params };
  if (retryAfterSecs !== null) Object.assign(params, { retry_after_secs: retryAfterSecs });
  return problemText({ ...problem, params }, translator);
}

/** Values as the reader writes them; the unit is the last word of the name. */
function shownParams(params: Record<string, unknown>, language: Language): Record<string, unknown> {
  const shown: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(params)) shown[name] = shownValue(name, value, language);
  if (typeof params["retry_after_secs"] === "number") shown["retry_after"] = formatSpan(params["retry_after_secs"], language);
  if (typeof params["count"] === "number") shown["count"] = params["count"];
  return shown;
}

function shownValue(name: string, value: unknown, language: Language): unknown {
  if (typeof value === "string") return name.endsWith("_at") ? formatDateTime(value, language) : value;
  if (Array.isArray(value)) return value.join(", ");
  if (typeof value !== "number") return value;
  if (name.endsWith("_bytes")) return formatBytes(value, language);
  if (name.endsWith("_millis")) return formatCores(value, language);
  if (name.endsWith("_secs")) return formatSpan(value, language);
  return formatNumber(value, language);
}
