// testbed/left-behind: what it finds by the notes that `down` keeps for it.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const LEFT_BEHIND = fileURLToPath(new URL("../../testbed/left-behind", import.meta.url));
const SETTING = "/proc/sys/vm/swappiness";

test("groups and settings that are not as before are told, and nothing else is", (context) => {
  const folder = mkdtempSync(join(tmpdir(), "myksc-left-"));
  context.after(() => rmSync(folder, { recursive: true }));
  const notes = join(folder, "state.notes");
  mkdirSync(join(notes, "groups"), { recursive: true });
  for (const name of ["root", "no-such-group"]) writeFileSync(join(notes, "groups", name), "");
  const now = readFileSync(SETTING, "utf8").trim();
  const settings = [`${SETTING}:${now}1`, "/proc/sys/kernel/ostype:Linux", "/proc/sys/net/gone/since:1", ""];
  writeFileSync(join(notes, "settings"), settings.join("\n"));

  const env = { ...process.env, MYKSC_TESTBED_STATE: join(folder, "state") };
  const { status, stdout } = spawnSync(LEFT_BEHIND, { env, encoding: "utf8" });
  assert.equal(status, 1);
  // A testbed that is up has other things here.
  const told = stdout.split("\n").filter((line) => /^(account|group|setting) /.test(line));
  assert.deepEqual(told, ["group root", `setting ${SETTING} is ${now} and was ${now}1`]);
});
