// testbed/with around a stand-in for the testbed: whose status it has, and what it leaves.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const STAND_IN = `#!/bin/sh
part=$MYKSC_TESTBED_STATE/parts/$2
case $1 in
up) mkdir -p "\${part%/*}" && touch "$part" ;;
down) rm "$part" && exit "$STATUS_OF_DOWN" ;;
status) [ ! -e "$part" ] || cat "$part" ;;
env) echo export MYKSC_TESTBED_WORD=said ;;
esac
`;

/** Runs a command of the shell with the part `slurm` around it; `raised` is how it is already. */
function runWith(context, command, { down = 0, raised = null } = {}) {
  const folder = mkdtempSync(join(tmpdir(), "myksc-with-"));
  context.after(() => rmSync(folder, { recursive: true }));
  for (const path of ["testbed/with", "testbed/lib.sh", "testbed/addresses.sh", "tools/env.sh"]) {
    cpSync(join(ROOT, path), join(folder, path));
  }
  writeFileSync(join(folder, "testbed/testbed"), STAND_IN, { mode: 0o755 });
  const state = join(folder, "state");
  const part = join(state, "parts/slurm");
  mkdirSync(join(state, "logs"), { recursive: true });
  if (raised) {
    mkdirSync(join(state, "parts"));
    writeFileSync(part, `slurm ${raised}\n`);
  }
  const env = { ...process.env, MYKSC_CACHE: folder, MYKSC_TESTBED_STATE: state, STATUS_OF_DOWN: `${down}` };
  const done = spawnSync(join(folder, "testbed/with"), ["slurm", "--", "sh", "-c", command], { env, encoding: "utf8" });
  return { status: done.status, stdout: done.stdout, isUp: existsSync(part) };
}

test("the command sees the exports, and its status is the script's", (context) => {
  assert.deepEqual(runWith(context, "echo $MYKSC_TESTBED_WORD"), { status: 0, stdout: "said\n", isUp: false });
  assert.deepEqual(runWith(context, "exit 3"), { status: 3, stdout: "", isUp: false });
});

test("a testbed that can't be taken down is a failure, and hides no other", (context) => {
  assert.equal(runWith(context, "true", { down: 7 }).status, 1);
  assert.equal(runWith(context, "exit 3", { down: 7 }).status, 3);
});

test("what was up before stays up", (context) => {
  assert.deepEqual(runWith(context, "true", { down: 7, raised: "up" }), { status: 0, stdout: "", isUp: true });
});

test("what was left broken is raised anew", (context) => {
  const show = 'cat "$MYKSC_TESTBED_STATE/parts/slurm"';
  assert.deepEqual(runWith(context, show, { raised: "broken" }), { status: 0, stdout: "", isUp: false });
  assert.equal(runWith(context, show, { down: 7, raised: "broken" }).status, 1);
});

test("a signal takes it down, too", (context) => {
  assert.deepEqual(runWith(context, "kill -TERM $PPID"), { status: 130, stdout: "", isUp: false });
});
