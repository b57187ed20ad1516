// Running programs.

import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";

/** Runs a program and gives its standard output; fails, with what it said, if it exits with another status than 0. */
export async function run(command, args, { input = "", env = process.env, limitMs = 60_000 } = {}) {
  const child = spawn(command, args, { env, timeout: limitMs, killSignal: "SIGKILL" });
  const said = { stdout: "", stderr: "" };
  for (const name of Object.keys(said)) child[name].setEncoding("utf8").on("data", (text) => (said[name] += text));
  // A program that has ended reads no more: its status tells why.
  child.stdin.on("error", () => {}).end(input);
  const status = await new Promise((resolve, reject) => {
    child.on("error", reject).on("close", (code, signal) => resolve(code ?? signal));
  });
  if (status === 0) return said.stdout;
  const error = new Error(`${command} ${args.join(" ")} ended with ${status}:\n${said.stderr}${said.stdout}`);
  throw Object.assign(error, { status });
}

/** A name that no other run has. */
export function freshName(prefix) {
  return `${prefix}-${randomBytes(4).toString("hex")}`;
}
