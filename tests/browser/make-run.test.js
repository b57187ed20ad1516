// `make run` itself, as somebody's first command in a checkout: what it prints, and that one can sign in.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { freePort } from "./support/portal.js";
import { until } from "./support/until.js";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const IS_ROOT = process.getuid() === 0;
/** Building is a matter of seconds where the stages before have built. */
const START_LIMIT_MS = 600_000;

test("make run starts a portal and says where it is and how to get in", { timeout: START_LIMIT_MS + 60_000 }, async (context) => {
  const folder = await mkdtemp(join(tmpdir(), "myksc-make-run-"));
  context.after(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  const port = await freePort();
  await writeFile(join(folder, "myksc.toml"), "");
  const env = {
    ...process.env,
    MYKSC_LISTEN: `127.0.0.1:${port}`,
    MYKSC_STATE_DIR: join(folder, "state"),
    MYKSC_CONFIG: join(folder, "myksc.toml"),
  };
  // In a process group of its own, which is signalled as a terminal does it.
  const make = spawn("make", ["--no-print-directory", "run"], { cwd: ROOT, env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
  const ended = once(make, "exit");
  const signal = (name) => {
    if (make.exitCode === null && make.signalCode === null) process.kill(-make.pid, name);
  };
  context.after(() => signal("SIGKILL"));
  const lines = [];
  for (const stream of [make.stdout, make.stderr]) createInterface(stream).on("line", (line) => lines.push(line));

  const said = (pattern) => lines.map((line) => pattern.exec(line)).filter((found) => found !== null);
  await until(
    "the portal says where it is",
    () => {
      if (make.exitCode !== null) throw new Error(`make run ended with ${make.exitCode}`);
      return said(/^Sign in: /).length > 0;
    },
    { limitMs: START_LIMIT_MS },
  ).catch((error) => {
    throw new Error(`make run started no portal:\n${lines.join("\n")}`, { cause: error });
  });
  const [[, origin]] = said(/^Portal: (\S+)$/);
  const [[, name, password]] = said(/^Sign in: (\S+) \/ (\S+)$/);
  assert.equal(origin, `http://localhost:${port}`);
  assert.equal(said(/as root/i).length, IS_ROOT ? 1 : 0, lines.join("\n"));
  assert.equal(said(/^Warning: running as root, /).length, IS_ROOT ? 1 : 0);

  const page = await fetch(origin);
  assert.deepEqual([page.status, page.headers.get("content-type")], [200, "text/html; charset=utf-8"]);
  const headers = { "Content-Type": "application/json", Origin: origin };
  const session = await fetch(`${origin}/api/v1/session`, { method: "POST", headers, body: JSON.stringify({ name, password }) });
  assert.equal(session.status, 200);

  signal("SIGINT");
  await ended;
  assert.equal(said(/^(Portal|Sign in): /).length, 2);
});
