// The filters of the audit log, as the address holds them and the portal takes them.

import type { AuditQuery } from "../../../api/types";

export interface AuditFilters {
  actor?: string;
  action?: string;
  object?: string;
  /** A code, or `NOT_ENDED`. */
  outcome?: string;
  /** Days, as `2026-11-24`; both count whole, where the reader is. */
  from?: string;
  to?: string;
}

/** In the address; the portal takes an empty text. */
export const NOT_ENDED = "not_ended";

/** The outcomes that can be chosen. Whatever a form got wrong, a code or a password of hers too, is `invalid`; refusals have the code of their reason. */
export const OUTCOMES = [
  "done", NOT_ENDED, "wrong_credentials", "invalid", "too_many", "unauthenticated", "not_found",
  "account_locked", "identity_locked", "identity_unknown", "network_not_allowed", "directory_unavailable", "internal",
] as const;

const TEXTS = ["actor", "action", "object", "outcome"] as const;
const DAYS = ["from", "to"] as const;
const DAY = /^(\d{4})-(\d{2})-(\d{2})$/;

/** What the address holds of them; anything else is left out. */
export function readFilters(search: Record<string, unknown>): AuditFilters {
  const filters: AuditFilters = {};
  for (const name of TEXTS) {
    const value = search[name];
    const text = (typeof value === "number" ? String(value) : typeof value === "string" ? value : "").trim();
    if (text !== "") filters[name] = text;
  }
  for (const name of DAYS) {
    const value = search[name];
    if (typeof value === "string" && startOfDay(value, 0) !== null) filters[name] = value;
  }
  return filters;
}

/** The same without what a change empties. */
export function withChange(filters: AuditFilters, change: { [name in keyof AuditFilters]?: string }): AuditFilters {
  return readFilters({ ...filters, ...change });
}

export function toQuery({ outcome, from, to, ...texts }: AuditFilters): AuditQuery {
  const start = from ? startOfDay(from, 0) : null;
  const end = to ? startOfDay(to, 1) : null;
  return {
    ...texts,
    ...(outcome === undefined ? {} : { outcome: outcome === NOT_ENDED ? "" : outcome }),
    ...(start ? { from: start.toISOString() } : {}),
    ...(end ? { to: end.toISOString() } : {}),
  };
}

/** Where the browser finds the same entries as JSON lines. */
export function exportAddress(filters: AuditFilters): string {
  const query = new URLSearchParams(toQuery(filters) as Record<string, string>).toString();
  return `/api/v1/audit/export${query === "" ? "" : `?${query}`}`;
}

export type Tone = "ready" | "fail" | "busy";

export function outcomeTone(outcome: string | null): Tone {
  if (outcome === null) return "busy";
  return outcome === "done" ? "ready" : "fail";
}

/** The day's first moment here, or that of a day after it; null for what is no day. */
function startOfDay(day: string, daysLater: number): Date | null {
  const [, year, month, date] = DAY.exec(day)?.map(Number) ?? [];
  if (year === undefined || month === undefined || date === undefined) return null;
  const first = new Date(year, month - 1, date);
  const isReal = first.getMonth() === month - 1 && first.getDate() === date;
  return isReal ? new Date(year, month - 1, date + daysLater) : null;
}
