// What people come for, once more by the command line alone: a notebook, an upload, a job that reads it, with a line that
// breaks and a portal that dies on the way.

import assert from "node:assert/strict";
import { once } from "node:events";
import { readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { digest, MIB, writeRandom } from "./support/data.js";
import { journey } from "./support/journey.js";
import { kernelIdle, kernelSockets, newNotebook, openSockets, runCode, saveAs, waitForLauncher } from "./support/jupyterlab.js";
import { until } from "./support/until.js";

const DATA = "대용량 자료 200.bin";
const SIZE_MIB = 200;
const SCRIPT = `#!/bin/bash
#MYKSC --name=reader
sha256sum < '${DATA}'
until [ -e enough ]; do sleep 0.1; done
echo enough now
exit 7
`;
// What the design promises for the end of open connections; a browser needs some of it to tell us.
const CUT_LIMIT_MS = 1_000;

const LONG = { timeout: 300_000, portal: { line: true } };

journey("the command line launches JupyterLab, uploads 200 MB, and has a job read them, while line and portal fail", LONG, async ({ portal, page }) => {
  const run = async (args, input) => {
    const { code, stdout, stderr } = await portal.run(args, input);
    assert.equal(code, 0, stderr);
    return { stdout, stderr };
  };
  const json = async (args, input) => JSON.parse((await run([...args, "--json"], input)).stdout);
  const { name, password } = portal.account;
  await run(["login", "--server", portal.origin, "--user", name, "--password-stdin"], password);
  assert.equal((await json(["whoami"])).user.name, name);

  const launched = await run(["app", "launch", "jupyter", "--name", "my-lab", "--wait"]);
  assert.match(launched.stdout, /phase +ready/);
  for (const step of ["accepted", "placed", "image_ready", "started", "answering"]) assert.match(launched.stderr, new RegExp(step));
  // A browser in which nobody is signed in; the address lets it in, once.
  const { url } = await json(["app", "open", "my-lab"]);
  const sockets = openSockets(page);
  await page.goto(url);
  await waitForLauncher(page);
  assert.doesNotMatch(page.url(), /ticket/);
  await newNotebook(page);
  assert.equal((await runCode(page, "print(6*7)")).trim(), "42");
  await saveAs(page, "answer.ipynb");
  const before = await runCode(page, "import os; mark = os.urandom(8).hex(); print(os.getpid(), mark)");
  const names = (await json(["file", "ls", "home"])).items.map((entry) => entry.name);
  assert.ok(names.includes("answer.ipynb"), names.join());

  await upload(portal);
  const job = await json(["job", "submit", "-"], SCRIPT);
  const following = portal.spawn(["job", "output", "--follow", "reader"]);
  const followed = once(following, "close");
  let output = "";
  following.stdout.setEncoding("utf8").on("data", (text) => (output += text));
  const sum = await digest(join(portal.home, DATA));
  await until("the job told the sum", () => output === `${sum}  -\n`);

  await portal.kill();
  await until("the notebook lost its connections", () => sockets.size === 0);
  await portal.start();
  await writeFile(join(portal.home, "enough"), "");
  assert.deepEqual(await followed, [0, null]);
  assert.equal(output, `${sum}  -\nenough now\n`);
  const { phase, outcome, exit_code } = await json(["job", "show", job.id]);
  assert.deepEqual([phase, outcome, exit_code], ["ended", "failed", 7]);
  assert.equal((await json(["app", "show", "my-lab"])).phase, "ready");

  await page.reload();
  await kernelIdle(page);
  assert.equal(await runCode(page, "print(os.getpid(), mark)"), before);
  assert.ok(kernelSockets(sockets) > 0);
  await run(["logout"]);
  await until("every connection of the notebook is cut", () => sockets.size === 0, { limitMs: CUT_LIMIT_MS, everyMs: 10 });
  assert.equal((await portal.run(["app", "list"])).code, 3);
});

/** Uploads a large file while the line is cut in its middle; one command does it all. */
async function upload(portal) {
  const source = join(portal.folder, DATA);
  await writeRandom(source, SIZE_MIB);
  const sending = portal.spawn(["file", "put", source, "home/"]);
  const sent = once(sending, "close");
  const begun = await until("a part of the upload", async () => (await arrived(portal)).find(({ size }) => size > 0), { everyMs: 1 });
  await portal.line.cut();
  assert.ok(begun.size < SIZE_MIB * MIB);
  await portal.line.mend();
  assert.deepEqual(await sent, [0, null]);
  const found = await stat(join(portal.home, DATA));
  assert.deepEqual([found.ino, found.size], [begun.ino, SIZE_MIB * MIB]);
  assert.equal(await digest(join(portal.home, DATA)), await digest(source));
}

/** What there is of uploads that are not whole yet. */
async function arrived(portal) {
  const names = (await readdir(portal.home)).filter((name) => name.startsWith(".myksc-upload-"));
  return Promise.all(names.map((name) => stat(join(portal.home, name))));
}
