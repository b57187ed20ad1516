// The mail server that keeps what it gets.

import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

import { until } from "../browser/support/until.js";
import { printVersions, testbed } from "./support/exports.js";
import { freshName, run } from "./support/programs.js";

printVersions("mail");

test("a message that is sent can be read in the maildir", async () => {
  const subject = freshName("smoke");
  const message = `From: portal@centre.example\r\nTo: kim@centre.example\r\nSubject: ${subject}\r\n\r\nHello\r\n`;
  const server = `smtp://${testbed.SMTP_HOST}:${testbed.SMTP_PORT}`;
  const people = ["--mail-from", "portal@centre.example", "--mail-rcpt", "kim@centre.example"];
  await run("curl", ["-sSf", "--noproxy", "*", server, ...people, "-T", "-"], { input: message });

  const folder = join(testbed.MAILDIR, "new");
  const kept = await until("the message in the maildir", async () => {
    for (const name of await readdir(folder)) {
      const text = await readFile(join(folder, name), "utf8");
      if (text.includes(`Subject: ${subject}`)) return text;
    }
  });
  assert.match(kept, /^X-RcptTo: kim@centre\.example$/m);
  assert.match(kept, /Hello/);
});
