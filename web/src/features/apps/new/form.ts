// The launch form: what is on the screen, and what is sent.

import type { App, CreateApp, Resources, Template, TemplateField } from "../../../api/types";
import { GIB } from "../../../lib/format";
import { fieldProblem, nameProblem, type FieldCode } from "./checks";

export interface LaunchValues {
  name: string;
  cores: number | "";
  memoryGib: number | "";
  gpus: number | "";
  fields: Record<string, string>;
}

export type LaunchCode = FieldCode | "app_name_invalid" | "app_name_taken";

export interface LaunchProblem {
  code: LaunchCode;
  params: Record<string, unknown>;
}

export type LaunchProblems = Partial<Record<string, LaunchProblem>>;

export function startValues(template: Template, name: string): LaunchValues {
  const { cpu_millis, memory_bytes, gpus } = template.defaults;
  return {
    name,
    cores: cpu_millis / 1000,
    memoryGib: Math.round((memory_bytes / GIB) * 100) / 100,
    gpus,
    fields: Object.fromEntries(template.fields.map((field) => [field.id, field.default ?? (field.kind === "toggle" ? "false" : "")])),
  };
}

/** What is asked for, as far as it is a number. */
export function askedResources(values: LaunchValues): Resources {
  return {
    cpu_millis: Math.round(Number(values.cores) * 1000),
    memory_bytes: Math.round(Number(values.memoryGib) * GIB),
    gpus: Number(values.gpus),
  };
}

export function toRequest(template: Template, values: LaunchValues): CreateApp {
  return { template: template.id, name: values.name, resources: askedResources(values), values: values.fields };
}

/** All that does not hold, by the field names of the request. */
export function launchProblems(template: Template, values: LaunchValues, taken: readonly string[]): LaunchProblems {
  const problems: LaunchProblems = {};
  if (nameProblem(values.name)) problems["name"] = { code: "app_name_invalid", params: { min: 3, max: 40 } };
  else if (taken.includes(values.name)) problems["name"] = { code: "app_name_taken", params: {} };
  if (!(Number(values.cores) > 0)) problems["resources.cpu_millis"] = { code: "number_invalid", params: {} };
  if (!(Number(values.memoryGib) > 0)) problems["resources.memory_bytes"] = { code: "number_invalid", params: {} };
  for (const field of template.fields) {
    const code = fieldProblem(field, values.fields[field.id] ?? "");
    if (code) problems[`values.${field.id}`] = { code, params: boundsOf(field, code) };
  }
  return problems;
}

function boundsOf(field: TemplateField, code: FieldCode): Record<string, unknown> {
  return code === "too_long" ? { max: field.max_length } : { min: field.min, max: field.max };
}

/** What stands in a field of the apps of this template, the newest first. */
export function usedValues(apps: readonly App[], template: string, field: string): string[] {
  const own = apps.filter((app) => app.template === template).toSorted((a, b) => b.launched_at.localeCompare(a.launched_at));
  const values = own.map((app) => app.values[field]).filter((value) => typeof value === "string" && value !== "");
  return [...new Set(values as string[])];
}
