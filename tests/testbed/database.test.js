// PostgreSQL as the portal has it.

import assert from "node:assert/strict";
import { test } from "node:test";

import { printVersions, testbed } from "./support/exports.js";
import { run } from "./support/programs.js";

printVersions("database");

const psql = (sql) => run("psql", ["-XAt", "-v", "ON_ERROR_STOP=1", "-f", "-"], { input: sql, env: credentials() });

/** The address as psql's environment: a password has no place among arguments. */
function credentials() {
  const url = new URL(testbed.DATABASE_URL);
  return {
    ...process.env,
    PGHOST: url.hostname,
    PGPORT: url.port,
    PGUSER: url.username,
    PGPASSWORD: url.password,
    PGDATABASE: url.pathname.slice(1),
  };
}

test("PostgreSQL answers the portal's role", async (context) => {
  const version = (await psql("show server_version")).trim();
  assert.match(version, /^\d+\./);
  context.diagnostic(`PostgreSQL ${version}`);
});

test("the portal's role makes no roles", async () => {
  await assert.rejects(psql("create role intruder"), /permission denied to create role/);
});
