// What the testbed says of itself.

import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../../..", import.meta.url));

/** The exports of the parts that are up, without the prefix `MYKSC_TESTBED_`; one that is missing is an error. */
export const testbed = new Proxy(read(), {
  get(found, name) {
    if (typeof name === "string" && !(name in found)) throw new Error(`the testbed does not export ${name}: is it up?`);
    return found[name];
  },
});

/** Prints the versions of the parts named, which have to be healthy. */
export function printVersions(...parts) {
  process.stdout.write(execFileSync(`${root}/testbed/testbed`, ["status", ...parts], { encoding: "utf8" }));
}

function read() {
  const shell = 'eval "$("$0" env)" && env -0';
  const all = execFileSync("bash", ["-c", shell, `${root}/testbed/testbed`], { encoding: "utf8" });
  const prefix = "MYKSC_TESTBED_";
  const lines = all.split("\0").filter((line) => line.startsWith(prefix));
  return Object.fromEntries(
    lines.map((line) => {
      const at = line.indexOf("=");
      return [line.slice(prefix.length, at), line.slice(at + 1)];
    }),
  );
}
