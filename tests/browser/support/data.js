// Files of random bytes, and the sums that tell whether they arrived whole.

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, stat } from "node:fs/promises";
import { pipeline } from "node:stream/promises";

export const MIB = 1024 * 1024;

/** Writes a file of random bytes. */
export async function writeRandom(path, mebibytes) {
  const file = await open(path, "w");
  for (let index = 0; index < mebibytes; index += 1) await file.write(randomBytes(MIB));
  await file.close();
  assert.equal((await stat(path)).size, mebibytes * MIB);
}

/** SHA-256 of a file, as sha256sum(1) prints it. */
export async function digest(path) {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex");
}
