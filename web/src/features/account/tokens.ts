// What a token may do, and from where, as the form asks for it.

import type { Scope } from "../../api/types";

/** What a token may be made for; `admin` is for operators. */
export const SCOPES: readonly Scope[] = ["read", "apps", "jobs", "files"];

/** Scopes that run code as the person, and so reach her files without the scope `files`. */
const RUNS_CODE: readonly Scope[] = ["apps", "jobs"];

export function offeredScopes(role: string | undefined): readonly Scope[] {
  return role === "operator" ? [...SCOPES, "admin"] : SCOPES;
}

/** True where a choice reaches files although `files` is not chosen. */
export function reachesFilesAnyway(scopes: readonly Scope[]): boolean {
  return !scopes.includes("files") && scopes.some((scope) => RUNS_CODE.includes(scope));
}

/** Networks as typed: one on each line, or with commas or blanks between. */
export function readNetworks(typed: string): string[] {
  return [...new Set(typed.split(/[\s,;]+/).filter(Boolean))];
}
