// Who sees which of the operators' pages. The portal decides who may; this only spares people doors that are shut to them.

import type { Role } from "../../api/types";

export function seesPeople(role: Role | undefined): boolean {
  return role === "support" || role === "operator";
}

export function isOperator(role: Role | undefined): boolean {
  return role === "operator";
}
