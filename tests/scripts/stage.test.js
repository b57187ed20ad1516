// tools/stage: what it says of a stage.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const STAGE = fileURLToPath(new URL("../../tools/stage", import.meta.url));
const LINE = /^stage busy +wall=([\d.]+)s cpu=([\d.]+)s machine=([\d.]+)s (ok|FAILED)$/m;
const BURN = "import time\nwhile time.process_time() < 0.5: pass";

function stage(context, command) {
  const folder = mkdtempSync(join(tmpdir(), "myksc-stage-"));
  context.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "stages");
  const env = { ...process.env, MYKSC_STAGES: file, BURN };
  const done = spawnSync(STAGE, ["busy", "bash", "-c", command], { cwd: folder, env, encoding: "utf8" });
  const [line, wall, cpu, machine, word] = LINE.exec(done.stdout);
  assert.equal(readFileSync(file, "utf8"), `${line}\n`);
  return { status: done.status, wall: Number(wall), cpu: Number(cpu), machine: Number(machine), word };
}

test("a daemon's work is in the machine's figure alone", (context) => {
  // Nobody waits for it: the shell that started it is gone.
  const daemon = `(setsid bash -c 'python3 -c "$BURN"; touch done' </dev/null >/dev/null 2>&1 &)`;
  const { status, cpu, machine, word } = stage(context, `${daemon}; until [ -e done ]; do sleep 0.1; done`);
  assert.deepEqual([status, word], [0, "ok"]);
  assert.ok(cpu < 0.45 && machine > 0.45, `cpu ${cpu} s, machine ${machine} s`);
});

test("the command's own work is in both, and its status is the stage's", (context) => {
  const { status, cpu, machine, word } = stage(context, 'python3 -c "$BURN"; exit 3');
  assert.deepEqual([status, word], [3, "FAILED"]);
  assert.ok(cpu > 0.45 && machine > 0.45, `cpu ${cpu} s, machine ${machine} s`);
});
