// The directory and the sign-in at Keycloak.

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { test } from "node:test";

import { printVersions, testbed } from "./support/exports.js";
import { run } from "./support/programs.js";

printVersions("people", "keycloak");

const START_TLS = () => ["-H", testbed.LDAP_URL, "-ZZ"];
const TLS = () => ["-H", testbed.LDAPS_URL];

/** Runs one of OpenLDAP's programs as somebody. It reads the password from a file: here, from a pipe. */
function ldap(program, connection, dn, password, ...args) {
  const env = { ...process.env, LDAPTLS_CACERT: testbed.LDAP_CA };
  const shell = ["-c", '"$1" -y <(cat) "${@:2}"', "bash"];
  return run("bash", [...shell, program, ...connection, "-x", "-D", dn, ...args], { input: password, env });
}

const person = (name) => `uid=${name},ou=people,${testbed.LDAP_BASE}`;

const search = (...args) =>
  ldap("ldapsearch", START_TLS(), testbed.LDAP_BIND_DN, testbed.LDAP_BIND_PASSWORD, "-LLL", "-o", "ldif-wrap=no", "-b", testbed.LDAP_BASE, ...args);

test("kim binds with her password over StartTLS and over TLS", async () => {
  for (const connection of [START_TLS(), TLS()]) {
    assert.equal(await ldap("ldapwhoami", connection, person("kim"), testbed.PASSWORD_KIM), `dn:${person("kim")}\n`);
  }
});

test("a wrong password, a locked person and a bind without TLS are refused", async () => {
  await assert.rejects(ldap("ldapwhoami", TLS(), person("kim"), testbed.PASSWORD_LEE), /Invalid credentials/);
  await assert.rejects(ldap("ldapwhoami", TLS(), person("locked"), testbed.PASSWORD_HOSTILE), /Invalid credentials/);
  const plain = ["-H", testbed.LDAP_URL];
  await assert.rejects(ldap("ldapwhoami", plain, person("kim"), testbed.PASSWORD_KIM), /Confidentiality required/);
});

test("the portal reads Korean names and groups, and no password", async () => {
  const found = await search("(|(uid=kim)(memberUid=kim))");
  assert.ok(found.includes(`displayName:: ${Buffer.from("김민지").toString("base64")}\n`), found);
  assert.match(found, /^cn: proj1$/m);
  assert.match(found, /^uidNumber: 20001$/m);
  assert.doesNotMatch(found, /userPassword/i);
  assert.doesNotMatch(await search("(uid=kim)", "userPassword"), /userPassword/i);
});

/** A browser of the smallest kind: it keeps cookies and follows nothing. */
function browser() {
  const cookies = new Map();
  return async (url, { body } = {}) => {
    const headers = { Cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join("; ") };
    const answer = await fetch(url, { method: body ? "POST" : "GET", body, headers, redirect: "manual" });
    for (const cookie of answer.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(cookie);
      cookies.set(name, value);
    }
    return answer;
  };
}

/** Goes from the client's request to the answer of the sign-in form. */
async function signIn(name, password) {
  const provider = await (await fetch(`${testbed.OIDC_ISSUER}/.well-known/openid-configuration`)).json();
  const verifier = randomBytes(32).toString("base64url");
  const state = randomBytes(8).toString("hex");
  const redirect = "http://localhost:18080/api/v1/oidc/callback";
  const query = new URLSearchParams({
    response_type: "code",
    client_id: testbed.OIDC_CLIENT_ID,
    redirect_uri: redirect,
    scope: "openid profile",
    state,
    nonce: state,
    code_challenge: createHash("sha256").update(verifier).digest("base64url"),
    code_challenge_method: "S256",
  });
  const visit = browser();
  const page = await visit(`${provider.authorization_endpoint}?${query}`);
  const form = /<form[^>]*action="([^"]+)"/.exec(await page.text());
  assert.ok(form, `no sign-in form (status ${page.status})`);
  const answer = await visit(form[1].replaceAll("&amp;", "&"), { body: new URLSearchParams({ username: name, password }) });
  return { provider, answer, verifier, state, redirect };
}

function exchange({ provider, redirect }, code, verifier) {
  const client = `${testbed.OIDC_CLIENT_ID}:${testbed.OIDC_CLIENT_SECRET}`;
  return fetch(provider.token_endpoint, {
    method: "POST",
    headers: { Authorization: `Basic ${Buffer.from(client).toString("base64")}` },
    body: new URLSearchParams({ grant_type: "authorization_code", code, redirect_uri: redirect, code_verifier: verifier }),
  });
}

test("kim signs in at Keycloak with her password of the directory, by a code and PKCE", async () => {
  const flow = await signIn("kim", testbed.PASSWORD_KIM);
  assert.equal(flow.answer.status, 302, await flow.answer.text());
  const back = new URL(flow.answer.headers.get("location"));
  assert.equal(back.origin + back.pathname, flow.redirect);
  assert.equal(back.searchParams.get("state"), flow.state);

  const answer = await exchange(flow, back.searchParams.get("code"), flow.verifier);
  assert.equal(answer.status, 200);
  const { id_token: token } = await answer.json();
  const claims = JSON.parse(Buffer.from(token.split(".")[1], "base64url"));
  assert.equal(claims.iss, testbed.OIDC_ISSUER);
  assert.equal(claims.aud, testbed.OIDC_CLIENT_ID);
  assert.equal(claims.nonce, flow.state);
  assert.equal(claims.preferred_username, "kim");
  assert.ok(claims.sub);
});

test("Keycloak refuses a wrong password, and a code without its verifier", async () => {
  const wrong = await signIn("kim", testbed.PASSWORD_LEE);
  assert.equal(wrong.answer.status, 200);
  assert.match(await wrong.answer.text(), /id="input-error/);

  const flow = await signIn("lee", testbed.PASSWORD_LEE);
  const code = new URL(flow.answer.headers.get("location")).searchParams.get("code");
  assert.equal((await exchange(flow, code, randomBytes(32).toString("base64url"))).status, 400);
});
