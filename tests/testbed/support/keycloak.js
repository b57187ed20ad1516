// Keycloak, as its administrator changes it.

import assert from "node:assert/strict";

import { testbed } from "./exports.js";

const realm = () => `${testbed.KEYCLOAK_URL}/admin/realms/${testbed.OIDC_ISSUER.split("/").at(-1)}`;

/** Keeps a person from signing in, or lets her; what she has open there is looked at anew. */
export async function setEnabled(name, enabled) {
  const [person] = await ask("GET", `/users?exact=true&username=${name}`);
  assert.ok(person, `Keycloak has seen no ${name}`);
  await ask("PUT", `/users/${person.id}`, { ...person, enabled });
}

/** Removes a person; she is another one when she comes back from the directory. */
export async function forget(name) {
  const [person] = await ask("GET", `/users?exact=true&username=${name}`);
  await ask("DELETE", `/users/${person.id}`);
}

/** Has the portal's client told of logouts at that address. */
export async function tellLogoutsTo(address) {
  const [client] = await ask("GET", `/clients?clientId=${testbed.OIDC_CLIENT_ID}`);
  const attributes = { ...client.attributes, "backchannel.logout.url": address, "backchannel.logout.session.required": "true" };
  await ask("PUT", `/clients/${client.id}`, { ...client, attributes });
}

async function ask(method, path, body) {
  const headers = { Authorization: `Bearer ${await token()}`, "Content-Type": "application/json" };
  const answer = await fetch(realm() + path, { method, headers, ...(body && { body: JSON.stringify(body) }) });
  const text = await answer.text();
  assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${text}`);
  return text === "" ? undefined : JSON.parse(text);
}

async function token() {
  const form = { grant_type: "password", client_id: "admin-cli", username: testbed.KEYCLOAK_ADMIN, password: testbed.KEYCLOAK_ADMIN_PASSWORD };
  const at = `${testbed.KEYCLOAK_URL}/realms/master/protocol/openid-connect/token`;
  const answer = await fetch(at, { method: "POST", body: new URLSearchParams(form) });
  assert.equal(answer.status, 200);
  return (await answer.json()).access_token;
}
