// Batch: the form, the script it makes, the job, its output while it runs, and its end.

import assert from "node:assert/strict";
import { appendFile, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { assertNoFaults, picture, signIn } from "./support/browser.js";
import { journey } from "./support/journey.js";
import { until } from "./support/until.js";

// Reads its input, then copies what the test says until the test says "end".
const COMMAND = `wc -c < "$INPUT_1"
tail -n +1 -F said.txt 2>/dev/null | while read -r line; do
    echo "heard $line"
    [ "$line" = end ] && break
done
echo "to the errors" >&2
exit 3`;

journey("a person fills in the form, submits the script and follows its output to the end", { timeout: 180_000 }, async ({ portal, profile, page }) => {
  await writeFile(join(portal.home, "측정값.csv"), "1,2,3\n");
  await signIn(page, portal);
  await page.goto(`${portal.origin}/jobs/new`);

  const form = page.getByRole("form", { name: "New job" });
  await form.getByRole("textbox", { name: "Job name" }).fill("first-steps");
  await form.getByRole("textbox", { name: "Walltime" }).fill("00:05:00");
  await form.getByRole("button", { name: "Add a file" }).click();
  const chooser = page.getByRole("dialog", { name: "Add a file" });
  await chooser.getByRole("button", { name: /측정값\.csv/ }).click();
  await chooser.waitFor({ state: "detached" });
  await form.getByRole("textbox", { name: "Error file" }).fill("first-steps.err");
  await form.getByRole("textbox", { name: "Your part" }).fill(COMMAND);
  const head = form.getByLabel("Head of the script, made by the form");
  await until("the script's head follows the form", async () => /first-steps/.test(await head.innerText()));
  assert.match(await head.innerText(), /0?0:05:00/);
  await picture(page, "batch-form");

  await form.getByRole("button", { name: "Submit job" }).click();
  await page.getByRole("heading", { level: 1, name: "first-steps" }).waitFor();
  const main = page.getByRole("main");
  await main.getByText("running", { exact: true }).waitFor();

  const output = page.getByRole("region", { name: "Output" });
  await until("the size of its input", async () => /^6$/m.test(await output.innerText()));
  for (const line of ["안녕하세요", "<b>not bold</b>"]) {
    await appendFile(join(portal.home, "said.txt"), `${line}\n`);
    await until(`the page shows ${line}`, async () => (await output.innerText()).includes(`heard ${line}`));
  }
  await picture(page, "job-output");
  await appendFile(join(portal.home, "said.txt"), "end\n");
  await main.getByText("failed, exit code 3", { exact: true }).waitFor();
  await page.getByRole("radiogroup", { name: "Which output" }).getByText("Errors").click();
  await until("the errors are shown", async () => (await output.innerText()).includes("to the errors"));
  assert.match(await readFile(join(portal.home, "first-steps.err"), "utf8"), /to the errors/);

  await page.goto(`${portal.origin}/jobs`);
  await page.getByRole("row", { name: /first-steps/ }).waitFor();
  assertNoFaults(profile);
});
