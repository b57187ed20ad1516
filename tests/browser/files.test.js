// Files: folders and names, drag and drop, download, moving, and their end. A large upload is part of the main job.

import assert from "node:assert/strict";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { assertNoFaults, signIn } from "./support/browser.js";
import { journey } from "./support/journey.js";

journey("folders and files with Korean names are made, dropped, downloaded, renamed, moved and deleted", { timeout: 120_000 }, async ({ portal, profile, page }) => {
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
  await dropFolder(portal, profile, page);

  await page.getByRole("checkbox", { name: "Select 결과 1.csv" }).click();
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("toolbar").getByRole("link", { name: "Download" }).click()]);
  assert.equal(download.suggestedFilename(), "결과 1.csv");
  assert.equal(await readFile(await download.path(), "utf8"), "가,나\n1,2\n");
  await page.getByRole("toolbar").getByRole("button", { name: "Rename" }).click();
  await page.getByRole("dialog").getByRole("textbox", { name: "Name" }).fill("최종 결과.csv");
  await page.getByRole("dialog").getByRole("button", { name: "Rename" }).click();
  await page.getByRole("row", { name: /최종 결과\.csv/ }).waitFor();
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await moveIntoFolder(portal, page);

  await page.getByRole("checkbox", { name: "Select all" }).click();
  await page.getByRole("toolbar").getByRole("button", { name: "Delete" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete for good" }).click();
  await page.getByText("This folder is empty").waitFor();
  assert.deepEqual(await readdir(join(portal.home, "연구 자료")), []);
  assertNoFaults(profile, [/status of 409 .*\/files\/move\)$/]);
});

/** Drags a folder from the desktop into the page's window. */
async function dropFolder(portal, profile, page) {
  const source = join(portal.folder, "끌어온 폴더");
  await mkdir(join(source, "안쪽"), { recursive: true });
  await writeFile(join(source, "안쪽", "메모.txt"), "dropped");
  await writeFile(join(source, "read me.txt"), "dropped, too");
  const devtools = await profile.newCDPSession(page);
  const data = { items: [], files: [source], dragOperationsMask: 1 };
  const drag = (type) => devtools.send("Input.dispatchDragEvent", { type, x: 700, y: 500, data });
  await drag("dragEnter");
  await drag("dragOver");
  await page.getByText("Drop to upload into 연구 자료").waitFor();
  await drag("drop");
  await page.getByRole("row", { name: /끌어온 폴더/ }).waitFor();
  await page.getByText("4 of 4 done").waitFor();
  await devtools.detach();
  const arrived = join(portal.home, "연구 자료", "끌어온 폴더");
  assert.deepEqual((await readdir(arrived)).sort(), ["read me.txt", "안쪽"]);
  assert.equal(await readFile(join(arrived, "안쪽", "메모.txt"), "utf8"), "dropped");
}

/** Moves a file into the folder beside it, where another has its name; that one goes when the person says so. */
async function moveIntoFolder(portal, page) {
  const folder = join(portal.home, "연구 자료");
  const there = join(folder, "끌어온 폴더", "최종 결과.csv");
  await writeFile(there, "the older one");
  await page.getByRole("checkbox", { name: "Select 최종 결과.csv" }).click();
  await page.getByRole("toolbar").getByRole("button", { name: "Move" }).click();
  const dialog = page.getByRole("dialog", { name: "Move 최종 결과.csv to …" });
  assert.ok(await dialog.getByRole("button", { name: "Move here" }).isDisabled());
  await dialog.getByRole("button", { name: "끌어온 폴더" }).click();
  await dialog.getByRole("button", { name: "Move here" }).click();
  await dialog.getByRole("alert").getByText("There is already an entry with this name: 최종 결과.csv.").waitFor();
  assert.equal(await readFile(there, "utf8"), "the older one");
  await dialog.getByRole("button", { name: "Replace" }).click();
  await dialog.waitFor({ state: "detached" });
  await page.getByRole("row", { name: /최종 결과\.csv/ }).waitFor({ state: "detached" });
  assert.equal(await readFile(there, "utf8"), "가,나\n1,2\n");
  assert.deepEqual((await readdir(folder)).sort(), ["50%_a&b#?.txt", "끌어온 폴더"]);
}
