// Files: a large upload that is cut twice, folders, names, and their end.

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";

import { assertNoFaults, signIn } from "./support/browser.js";
import { journey } from "./support/journey.js";
import { until } from "./support/until.js";

const MIB = 1024 * 1024;
const SIZE_MIB = 200;
// Slow enough that there is a middle to cut in.
const BYTES_PER_SECOND = 48 * MIB;
const LONG = { timeout: 240_000, portal: { line: true } };

journey("an upload of 200 MB goes on after the network and the portal were cut in its middle", LONG, async ({ portal, profile, page }) => {
  await signIn(page, portal);
  const source = join(portal.folder, "대용량 자료 200.bin");
  await writeRandom(source, SIZE_MIB);
  const patches = [];
  page.on("request", (request) => {
    if (request.method() === "PATCH") patches.push(Number(request.headers()["upload-offset"]));
  });
  const devtools = await profile.newCDPSession(page);
  await devtools.send("Network.enable");
  const pace = { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: BYTES_PER_SECOND };
  await devtools.send("Network.emulateNetworkConditions", pace);

  await page.goto(`${portal.origin}/files`);
  await page.locator("input[type=file][multiple]").first().setInputFiles(source);
  const bar = page.getByRole("progressbar", { name: "대용량 자료 200.bin" });
  await percentAbove(bar, 15);
  await portal.line.cut();
  await until("the page notices the cut", () => profile.faults.some((fault) => fault.startsWith("request: PATCH")));
  await portal.line.mend();

  await percentAbove(bar, 55);
  await portal.kill();
  await portal.start();

  await page.getByRole("listitem").and(page.locator("[data-phase=done]")).waitFor({ timeout: 120_000 });
  const [sent, arrived] = await Promise.all([digest(source), digest(join(portal.home, "대용량 자료 200.bin"))]);
  assert.equal(arrived, sent);
  assert.ok(patches.some((offset) => offset >= 0.1 * SIZE_MIB * MIB), `went on at ${patches}`);
  assert.ok(patches.some((offset) => offset >= 0.5 * SIZE_MIB * MIB), `went on at ${patches}`);
  assert.ok(patches.indexOf(0) === patches.lastIndexOf(0), `began again: ${patches}`);
  await page.getByRole("row", { name: /대용량 자료 200\.bin/ }).waitFor();
  assertNoFaults(profile, [/ERR_(CONNECTION_|SOCKET_NOT_CONNECTED|EMPTY_RESPONSE|INCOMPLETE_CHUNKED)/, /status of (409|423|503)/]);
});

journey("folders and files with Korean names are made, renamed and deleted", { timeout: 120_000 }, async ({ portal, profile, page }) => {
  await signIn(page, portal);
  await page.goto(`${portal.origin}/files`);

  await page.getByRole("button", { name: "New folder" }).click();
  await page.getByRole("dialog").getByRole("textbox", { name: "Name" }).fill("연구 자료");
  await page.getByRole("dialog").getByRole("button", { name: "Create" }).click();
  await page.getByRole("row", { name: /연구 자료/ }).getByRole("button").click();
  await page.getByText("This folder is empty").waitFor();
  assert.match(decodeURIComponent(page.url()), /home\/연구[ +]자료/);

  await page.locator("input[type=file][multiple]").first().setInputFiles([
    { name: "결과 1.csv", mimeType: "text/csv", buffer: Buffer.from("가,나\n1,2\n") },
    { name: "50%_a&b#?.txt", mimeType: "text/plain", buffer: Buffer.from("hostile") },
  ]);
  await page.getByRole("row", { name: /결과 1\.csv/ }).waitFor();
  await page.getByRole("row", { name: /50%_a&b#\?\.txt/ }).waitFor();
  assert.deepEqual((await readdir(join(portal.home, "연구 자료"))).sort(), ["50%_a&b#?.txt", "결과 1.csv"].sort());

  await page.getByRole("checkbox", { name: "Select 결과 1.csv" }).click();
  await page.getByRole("toolbar").getByRole("button", { name: "Rename" }).click();
  await page.getByRole("dialog").getByRole("textbox", { name: "Name" }).fill("최종 결과.csv");
  await page.getByRole("dialog").getByRole("button", { name: "Rename" }).click();
  await page.getByRole("row", { name: /최종 결과\.csv/ }).waitFor();
  await page.getByRole("dialog").waitFor({ state: "detached" });

  await page.getByRole("checkbox", { name: "Select all" }).click();
  await page.getByRole("toolbar").getByRole("button", { name: "Delete" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete for good" }).click();
  await page.getByText("This folder is empty").waitFor();
  assert.deepEqual(await readdir(join(portal.home, "연구 자료")), []);
  assertNoFaults(profile);
});

async function percentAbove(bar, wanted) {
  await until(`${wanted} % of the upload`, async () => Number(await bar.getAttribute("aria-valuenow")) >= wanted, {
    limitMs: 60_000,
    everyMs: 20,
  });
}

async function writeRandom(path, mebibytes) {
  const file = await open(path, "w");
  for (let index = 0; index < mebibytes; index += 1) await file.write(randomBytes(MIB));
  await file.close();
  assert.equal((await stat(path)).size, mebibytes * MIB);
}

async function digest(path) {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex");
}
