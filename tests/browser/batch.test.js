// Batch: the form, the script it makes and the file it is kept in, the job, its output while it runs, its end, and all that
// can be done with jobs.

import assert from "node:assert/strict";
import { appendFile, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { assertNoFaults, picture, signIn } from "./support/browser.js";
import { journey } from "./support/journey.js";
import { callApi } from "./support/pages.js";
import { until } from "./support/until.js";

// Reads its input, then copies what the test says until the test says "end".
const COMMAND = `wc -c < "$INPUT_1"
tail -n +1 -F said.txt 2>/dev/null | while read -r line; do
    echo "heard $line"
    [ "$line" = end ] && break
done
echo "to the errors" >&2
exit 3`;

// One job at a time, so that the others wait.
const ONE_SLOT = { timeout: 240_000, portal: { config: "[queue]\nslots = 1\n" } };

journey("a person fills in the form, keeps and submits the script, follows its output, and orders jobs about", ONE_SLOT, async ({ portal, profile, page }) => {
  await writeFile(join(portal.home, "측정값.csv"), "1,2,3\n");
  await signIn(page, portal);
  await fillIn(portal, page);
  await keepScript(portal, page);
  await page.getByRole("button", { name: "Submit job" }).click();
  await page.getByRole("heading", { level: 1, name: "first-steps" }).waitFor();
  await inState(page, "running");
  const first = page.url();
  const output = page.getByRole("region", { name: "Output" });
  await until("the size of its input", async () => /^6$/m.test(await output.innerText()));

  await openScript(portal, page);
  await holdAndCancel(page);
  const again = await submitAgain(page);
  await cancelByKey(portal, page);

  await page.goto(first);
  await followToTheEnd(portal, page, output);
  await page.goto(again);
  await inState(page, "done");
  await page.goto(`${portal.origin}/jobs`);
  await page.getByRole("row", { name: /first-steps/ }).waitFor();
  assertNoFaults(profile, [/status of (409|412) .*first-steps\.sh/]);
});

/** Waits until the job's page says that it is in this state. */
async function inState(page, word) {
  await page.getByRole("main").getByText(word, { exact: true }).first().waitFor();
}

async function fillIn(portal, page) {
  await page.goto(`${portal.origin}/jobs/new`);
  const form = page.getByRole("form", { name: "New job" });
  await form.getByRole("textbox", { name: "Job name" }).fill("first-steps");
  await form.getByRole("textbox", { name: "Walltime" }).fill("00:05:00");
  await form.getByRole("button", { name: "Add a file" }).click();
  const chooser = page.getByRole("dialog", { name: "Add a file" });
  await chooser.getByRole("button", { name: /측정값\.csv/ }).click();
  await chooser.waitFor({ state: "detached" });
  await form.getByRole("textbox", { name: "Error file" }).fill("first-steps.err");
  await form.getByRole("textbox", { name: "Your part" }).fill("echo to be replaced");
  const head = form.getByLabel("Head of the script, made by the form");
  await until("the script's head follows the form", async () => /first-steps/.test(await head.innerText()));
  assert.match(await head.innerText(), /0?0:05:00/);
}

/** Saves the script twice; the second time replaces the file, after a question. */
async function keepScript(portal, page) {
  const file = join(portal.home, "first-steps.sh");
  const dialog = page.getByRole("dialog", { name: "Save the script" });
  await page.getByRole("button", { name: "Save as" }).click();
  await dialog.getByRole("button", { name: "Save" }).click();
  await dialog.waitFor({ state: "detached" });
  const first = await readFile(file, "utf8");
  assert.match(first, /^#!\/bin\/bash\n#MYKSC [^]*echo to be replaced/);

  await page.getByRole("textbox", { name: "Your part" }).fill(COMMAND);
  await picture(page, "batch-form");
  await page.getByRole("button", { name: "Save as" }).click();
  assert.equal(await dialog.getByRole("textbox", { name: "File name" }).inputValue(), "first-steps.sh");
  await dialog.getByRole("button", { name: "Save" }).click();
  await dialog.getByText("There is already something with this name.").waitFor();
  assert.equal(await readFile(file, "utf8"), first);
  await dialog.getByRole("button", { name: "Replace the file" }).click();
  await dialog.waitFor({ state: "detached" });
  assert.equal(await readFile(file, "utf8"), first.replace("echo to be replaced", () => COMMAND));
}

/** Fills an empty form from the kept script, and submits another job of it. */
async function openScript(portal, page) {
  await page.goto(`${portal.origin}/jobs/new`);
  const form = page.getByRole("form", { name: "New job" });
  const part = form.getByRole("textbox", { name: "Your part" });
  await part.waitFor();
  assert.equal(await part.inputValue(), "");
  await form.getByRole("button", { name: "Open", exact: true }).click();
  const dialog = page.getByRole("dialog", { name: "Open a script" });
  await dialog.getByRole("button", { name: "측정값.csv" }).waitFor();
  await dialog.getByRole("button", { name: "first-steps.sh" }).click();
  await dialog.waitFor({ state: "detached" });
  assert.equal(await part.inputValue(), COMMAND);
  const values = ["Job name", "Walltime", "Error file"].map((name) => form.getByRole("textbox", { name }).inputValue());
  assert.deepEqual(await Promise.all(values), ["first-steps", "00:05:00", "first-steps.err"]);
  await form.getByRole("button", { name: /^Remove .*측정값\.csv/ }).waitFor();

  await form.getByRole("textbox", { name: "Job name" }).fill("second");
  await part.fill('wc -c < "$INPUT_1"');
  await form.getByRole("button", { name: "Submit job" }).click();
  await page.getByRole("heading", { level: 1, name: "second" }).waitFor();
}

/** Holds a waiting job, lets it go and cancels it, on its page. */
async function holdAndCancel(page) {
  await inState(page, "waiting");
  await page.getByRole("button", { name: "Hold" }).click();
  await inState(page, "held");
  await page.getByText("Held until you release it.").first().waitFor();
  await page.getByRole("button", { name: "Release" }).click();
  await inState(page, "waiting");
  await page.getByRole("button", { name: "Cancel job" }).click();
  const dialog = page.getByRole("dialog", { name: "Cancel second?" });
  await dialog.getByRole("button", { name: "Cancel the job" }).click();
  await dialog.waitFor({ state: "detached" });
  await inState(page, "cancelled");
  assert.equal(await page.getByRole("button", { name: "Cancel job" }).count(), 0);
}

/** Submits the job again as it was, and once more with changes; gives the address of the former. */
async function submitAgain(page) {
  const cancelled = page.url();
  await page.getByRole("button", { name: "Again", exact: true }).click();
  await page.waitForURL((url) => url.href !== cancelled);
  await inState(page, "waiting");
  const again = page.url();

  await page.getByRole("link", { name: "Again with changes" }).click();
  const form = page.getByRole("form", { name: "New job" });
  const name = form.getByRole("textbox", { name: "Job name" });
  await name.waitFor();
  assert.equal(await name.inputValue(), "second");
  assert.equal(await form.getByRole("textbox", { name: "Your part" }).inputValue(), 'wc -c < "$INPUT_1"');
  await name.fill("third");
  await form.getByRole("button", { name: "Submit job" }).click();
  await page.getByRole("heading", { level: 1, name: "third" }).waitFor();
  await inState(page, "waiting");
  return again;
}

/** Cancels a job in the table by the key for it. */
async function cancelByKey(portal, page) {
  await page.goto(`${portal.origin}/jobs`);
  const row = page.getByRole("row", { name: /third/ });
  await row.getByRole("link", { name: "third" }).focus();
  await page.keyboard.press("c");
  const dialog = page.getByRole("dialog", { name: "Cancel third?" });
  await dialog.getByRole("button", { name: "Cancel the job" }).click();
  await dialog.waitFor({ state: "detached" });
  await row.getByText("cancelled", { exact: true }).waitFor();
  const { items } = (await callApi(page, "GET", "/jobs?state=active")).body;
  assert.deepEqual(items.map(({ name }) => name), ["second", "first-steps"]);
}

/** Follows the job's output on its page while it grows, until the job ends. */
async function followToTheEnd(portal, page, output) {
  for (const line of ["안녕하세요", "<b>not bold</b>"]) {
    await appendFile(join(portal.home, "said.txt"), `${line}\n`);
    await until(`the page shows ${line}`, async () => (await output.innerText()).includes(`heard ${line}`));
  }
  await picture(page, "job-output");
  await appendFile(join(portal.home, "said.txt"), "end\n");
  await inState(page, "failed, exit code 3");
  await page.getByRole("radiogroup", { name: "Which output" }).getByText("Errors").click();
  await until("the errors are shown", async () => (await output.innerText()).includes("to the errors"));
  assert.match(await readFile(join(portal.home, "first-steps.err"), "utf8"), /to the errors/);
}
