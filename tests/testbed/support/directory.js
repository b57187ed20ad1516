// Changes in the centre's directory, as its operators make them.

import { testbed } from "./exports.js";
import { run } from "./programs.js";

const GENERALIZED_TIME_FOREVER = "000001010000Z";

/** Distinguished name of a person. */
export const dnOf = (name) => `uid=${name},ou=people,${testbed.LDAP_BASE}`;

/** Puts a person into a group, or takes her out. */
export function joinGroup(name, group) {
  return change(`cn=${group},ou=groups,${testbed.LDAP_BASE}`, "add", "memberUid", name);
}
export function leaveGroup(name, group) {
  return change(`cn=${group},ou=groups,${testbed.LDAP_BASE}`, "delete", "memberUid", name);
}

/** Locks a person (slapo-ppolicy), or unlocks her. */
export function lock(name) {
  return change(dnOf(name), "replace", "pwdAccountLockedTime", GENERALIZED_TIME_FOREVER);
}
export function unlock(name) {
  return change(dnOf(name), "replace", "pwdAccountLockedTime");
}

/** As root, whom the directory knows by its socket. */
async function change(dn, kind, attribute, value) {
  const lines = [`dn: ${dn}`, "changetype: modify", `${kind}: ${attribute}`];
  if (value !== undefined) lines.push(`${attribute}: ${value}`);
  await run("ldapmodify", ["-Q", "-Y", "EXTERNAL", "-H", testbed.LDAPI_URL], { input: `${lines.join("\n")}\n` });
}
