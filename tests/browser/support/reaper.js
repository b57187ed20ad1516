// reaper.js FOLDER: waits until its standard input ends, as it does however the test ends, then ends every process
// that belongs to the folder and removes it. Apps and jobs outlive the portal by design, so nothing else would.

import { rm } from "node:fs/promises";

import { kill, processesOf } from "./processes.js";

const folder = process.argv[2];
process.on("SIGINT", () => {});
process.on("SIGTERM", () => {});
process.stdin.resume();
process.stdin.on("end", async () => {
  const deadline = Date.now() + 10_000;
  for (;;) {
    const own = (await processesOf(folder)).filter((id) => id !== process.ppid);
    if (own.length === 0 || Date.now() > deadline) break;
    for (const id of own) kill(id, "SIGKILL");
  }
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
});
