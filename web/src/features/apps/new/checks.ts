// The form's own checks: the same rules that the portal holds to, told before it has to.

import type { TemplateField } from "../../../api/types";

export const NAME_LENGTH = { min: 3, max: 40 };

const NAME = /^[a-z0-9-]{3,40}$/;

export type FieldCode = "required" | "number_invalid" | "below_min" | "above_max" | "too_long" | "pattern_mismatch" | "choice_unknown";

export function nameProblem(name: string): "app_name_invalid" | null {
  return NAME.test(name) ? null : "app_name_invalid";
}

/** A name that is free: the template's, then with a number. */
export function proposeName(template: string, taken: readonly string[]): string {
  const cleaned = template.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "");
  const base = (cleaned.length >= NAME_LENGTH.min ? cleaned : `app-${cleaned}`).slice(0, NAME_LENGTH.max - 4).replace(/-+$/, "");
  if (!taken.includes(base)) return base;
  for (let number = 2; ; number += 1) {
    const name = `${base}-${number}`;
    if (!taken.includes(name)) return name;
  }
}

/** What does not hold of one value of a template's field. */
export function fieldProblem(field: TemplateField, value: string): FieldCode | null {
  if (value.trim() === "") return field.required && field.kind !== "toggle" ? "required" : null;
  if (field.kind === "number") return numberProblem(field, value);
  if (field.kind === "choice") return field.choices.some((choice) => choice.value === value) ? null : "choice_unknown";
  if (typeof field.max_length === "number" && [...value].length > field.max_length) return "too_long";
  return field.pattern && !matches(field.pattern, value) ? "pattern_mismatch" : null;
}

function numberProblem(field: TemplateField, value: string): FieldCode | null {
  const number = Number(value);
  if (!Number.isInteger(number)) return "number_invalid";
  if (typeof field.min === "number" && number < field.min) return "below_min";
  return typeof field.max === "number" && number > field.max ? "above_max" : null;
}

function matches(pattern: string, value: string): boolean {
  try {
    return new RegExp(`^(?:${pattern})$`, "u").test(value);
  } catch {
    return true; // The portal's dialect knows more; it has the last word.
  }
}
