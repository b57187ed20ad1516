// The API held against its own document: whatever is sent, as whomever, the portal answers as the document says and
// never with a fault of its own.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { startPortal } from "../browser/support/portal.js";

const DOCUMENT = fileURLToPath(new URL("../../openapi/myksc.json", import.meta.url));
const MEDIA_TYPES = fileURLToPath(new URL("media_types.py", import.meta.url));
/** They end the session by which the rest is asked: whoever has one is asked for them last. */
const ENDING = ["end_session", "reset_factor_of_user", "end_sessions_of_user", "delete_sessions", "delete_session"];
/** It answers whoever is signed in for as long as she listens. */
const ENDLESS = ["get_events"];
const CHECKS = ["not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance"];
const EXAMPLES = process.env.CONTRACT_EXAMPLES ?? "4";

test("whatever nobody, a user or an operator sends, no answer is a fault of the portal", { timeout: 900_000 }, async (context) => {
  const portal = await startPortal(context);
  const { stdout } = await run(["--version"]);
  process.stdout.write(stdout);
  for (const role of ["nobody", "user", "operator"]) {
    await context.test(`as ${role}`, async () => {
      const headers = role === "nobody" ? {} : await sessionOf(portal, role);
      if (role === "nobody") return ask(portal, headers, []);
      await ask(portal, headers, [...ENDING, ...ENDLESS]);
      // Whoever asked was somebody until then.
      const { status } = await fetch(`${portal.origin}/api/v1/session`, { headers });
      assert.equal(status, 200);
      for (const id of ENDING) await ask(portal, await sessionOf(portal, role), [], id);
    });
  }
});

/** Signs in as somebody of that role; gives what a page of the portal sends along. */
async function sessionOf(portal, role) {
  const { name, password } = portal.account;
  const given = await portal.run(["admin", "user", "role", name, role]);
  assert.equal(given.code, 0, given.stderr);
  const answer = await fetch(`${portal.origin}/api/v1/session`, {
    method: "POST",
    headers: { "Content-Type": "application/json", Origin: portal.origin },
    body: JSON.stringify({ name, password }),
  });
  assert.equal(answer.status, 200);
  const { csrf_token: csrf } = await answer.json();
  const [cookie] = answer.headers.getSetCookie()[0].split(";");
  return { Cookie: cookie, "X-CSRF-Token": csrf, Origin: portal.origin };
}

/** Asks for every operation but those left out, or for one alone. */
async function ask(portal, headers, leftOut, only) {
  const settings = Object.entries(headers).map(([name, value]) => `"${name}" = ${JSON.stringify(value)}`);
  const file = join(portal.folder, "schemathesis.toml");
  await writeFile(file, `hooks = ${JSON.stringify(MEDIA_TYPES)}\nheaders = { ${settings.join(", ")} }\n`, { mode: 0o600 });
  const args = ["--config-file", file, "run", DOCUMENT, "--url", portal.origin, "--no-color", "--generation-deterministic"];
  args.push("--phases", "examples,coverage,fuzzing", "--max-examples", EXAMPLES, "--workers", "1", "--warnings", "off");
  args.push("--request-timeout", "20", "--checks", CHECKS.join(","));
  for (const id of leftOut) args.push("--exclude-operation-id", id);
  if (only) args.push("--include-operation-id", only);
  const { code, stdout } = await run(args, portal.folder);
  assert.equal(code, 0, stdout.slice(-6_000));
}

async function run(args, cwd) {
  const child = spawn(process.env.MYKSC_SCHEMATHESIS, args, { cwd, stdio: ["ignore", "pipe", "pipe"] });
  let stdout = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => (stdout += text));
  const [code] = await once(child, "close");
  return { code, stdout };
}
