// tools/freshness: in a fresh clone what was built before is as old as it was, and nothing else is.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const SCRIPT = fileURLToPath(new URL("../../tools/freshness", import.meta.url));
const [THEN, NOW] = [1_700_000_000, Math.floor(Date.now() / 1000) + 60];

/** A checkout with the files `kept` and `changed`, both of that age, in place of the one before. */
function checkOut(folder, { changed, age }) {
  const checkout = join(folder, "checkout");
  rmSync(checkout, { recursive: true, force: true });
  mkdirSync(join(checkout, "tools"), { recursive: true });
  cpSync(SCRIPT, join(checkout, "tools/freshness"));
  writeFileSync(join(checkout, "kept"), "the same\n");
  writeFileSync(join(checkout, "changed"), changed);
  for (const args of [["init", "--quiet"], ["add", "."]]) execFileSync("git", args, { cwd: checkout });
  for (const path of ["kept", "changed", "tools/freshness"]) utimesSync(join(checkout, path), age, age);
  const target = join(folder, "target");
  mkdirSync(target, { recursive: true });
  symlinkSync(target, join(checkout, "target"));
  const run = (word) => execFileSync("tools/freshness", [word], { cwd: checkout });
  const ageOf = (path) => statSync(join(checkout, path)).mtimeMs / 1000;
  return { run, ages: () => [ageOf("kept"), ageOf("changed")] };
}

function buildOnce(context) {
  const folder = mkdtempSync(join(tmpdir(), "myksc-freshness-"));
  context.after(() => rmSync(folder, { recursive: true }));
  checkOut(folder, { changed: "before\n", age: THEN }).run("remember");
  return folder;
}

test("a fresh clone gets the ages of what was built, where the content is the same", (context) => {
  const clone = checkOut(buildOnce(context), { changed: "after\n", age: NOW });
  clone.run("restore");
  assert.deepEqual(clone.ages(), [THEN, NOW]);
});

test("nothing gets older in a checkout that was worked in, or after something else was built", (context) => {
  const folder = buildOnce(context);
  const worked = checkOut(folder, { changed: "before\n", age: NOW });
  utimesSync(join(folder, "checkout/changed"), THEN, THEN);
  worked.run("restore");
  assert.deepEqual(worked.ages(), [NOW, THEN]);

  const clone = checkOut(folder, { changed: "before\n", age: NOW });
  const output = join(folder, "target/debug/.fingerprint/myksc-core-0123/dep-lib");
  mkdirSync(join(output, ".."), { recursive: true });
  writeFileSync(output, "");
  utimesSync(output, NOW, NOW);
  clone.run("restore");
  assert.deepEqual(clone.ages(), [NOW, NOW]);
});

test("a clone of which nothing was built stays as it is", (context) => {
  const folder = mkdtempSync(join(tmpdir(), "myksc-freshness-"));
  context.after(() => rmSync(folder, { recursive: true }));
  const clone = checkOut(folder, { changed: "before\n", age: NOW });
  clone.run("restore");
  assert.deepEqual(clone.ages(), [NOW, NOW]);
});
