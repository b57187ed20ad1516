// Processes that belong to a folder: the portal, what it started and what it left running.

import { readFile, readdir, readlink } from "node:fs/promises";

/** Ids of this user's processes whose command line, environment or working folder names `folder`. */
export async function processesOf(folder) {
  const ids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  const belongs = await Promise.all(ids.map((id) => id !== process.pid && mentions(id, folder)));
  return ids.filter((_, index) => belongs[index]);
}

/** Command line of a process, or an empty list where it is gone. */
export async function commandLine(id) {
  const text = await readFile(`/proc/${id}/cmdline`, "utf8").catch(() => "");
  return text.split("\0").slice(0, -1);
}

export function kill(id, signal) {
  try {
    process.kill(id, signal);
  } catch (error) {
    if (error.code !== "ESRCH") throw error;
  }
}

async function mentions(id, folder) {
  const read = (name) => readFile(`/proc/${id}/${name}`, "utf8").catch(() => "");
  const texts = await Promise.all([read("cmdline"), read("environ"), readlink(`/proc/${id}/cwd`).catch(() => "")]);
  return texts.some((text) => text.includes(folder));
}
