// A notice as it is typed, and what is sent of it.

import type { NewNotice, Notice } from "../../../api/types";

export interface Draft {
  kind: Notice["kind"];
  en: string;
  ko: string;
  /** Moments of this browser's time zone, as its fields give them; empty where there is none. */
  from: string;
  until: string;
}

export const KINDS: readonly Notice["kind"][] = ["maintenance", "failure", "system"];
export const EMPTY: Draft = { kind: "maintenance", en: "", ko: "", from: "", until: "" };

export function toNotice({ kind, en, ko, from, until }: Draft): NewNotice {
  return { kind, text: { en: oneLine(en), ko: oneLine(ko) }, starts_at: toMoment(from), ends_at: toMoment(until) };
}

export type Standing = "shown" | "to_come" | "over";

export function standingOf({ starts_at, ends_at }: Notice, now: number): Standing {
  if (ends_at && Date.parse(ends_at) <= now) return "over";
  return starts_at && now < Date.parse(starts_at) ? "to_come" : "shown";
}

/** A text that was pasted with line breaks is still one line. */
function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, " ").trim();
}

function toMoment(local: string): string | null {
  const at = new Date(local);
  return Number.isNaN(at.getTime()) ? null : at.toISOString();
}
