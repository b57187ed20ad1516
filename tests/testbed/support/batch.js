// Batch jobs from the portal's pages on a cluster of the testbed's people.

import { readFile } from "node:fs/promises";

import { callApi } from "../../browser/support/pages.js";
import { until } from "../../browser/support/until.js";
import { DIRECTORY_FILES, NOBODY, directory, enterPassword } from "./centre.js";
import { testbed } from "./exports.js";

export const KIM = { name: "kim", uid: 20001, gid: 20001, home: `${testbed.HOME_ROOT}/kim` };

/** A system with a scheduler; `settings` are lines of its configuration, `more` further tables. */
const system = (settings, more = "") => `
[queue]
enabled = false

[[system]]
id = "testbed"
title = { en = "Testbed cluster", ko = "시험 클러스터" }
poll_secs = 1
${settings}
${more}`;

/** A portal of kim's own beside the cluster. */
export const own = (settings) => ({
  account: null,
  person: KIM,
  files: DIRECTORY_FILES,
  config: ({ folder }) => directory(folder) + system(settings),
});

/** A portal for everybody, which gets to the login node with certificates. */
export const everybodys = async (settings) => ({
  account: null,
  person: NOBODY,
  files: { ...DIRECTORY_FILES, user_ca: await readFile(testbed.SSH_USER_CA, "utf8") },
  config: ({ folder }) => directory(folder) + system(settings, `
[system.ssh]
host = "${testbed.SSH_HOST}"
port = ${testbed.SSH_PORT}
host_keys = ["${testbed.SSH_HOST_KEY}"]
user_ca_file = "${folder}/user_ca"
observer = { name = "observer", uid = 20901, gid = 20901 }
`),
});

/** A portal that asks slurmrestd, with a token of its own for each person. It runs as kim, so that hers is the output it reads. */
export const byRest = async (settings) => ({
  account: null,
  person: KIM,
  files: { ...DIRECTORY_FILES, jwt_key: await readFile(testbed.SLURM_JWT_KEY) },
  config: ({ folder }) => directory(folder) + system(settings, `
[system.rest]
url = "${testbed.SLURMRESTD_URL}"
jwt_key_file = "${folder}/jwt_key"
observer = { name = "observer", uid = 20901, gid = 20901 }
`),
});

export async function signIn(page, portal, name = "kim") {
  await enterPassword(page, portal, name, testbed[`PASSWORD_${name.toUpperCase()}`]);
  await page.waitForURL(`${portal.origin}/`);
}

export const systemOf = async (page) => (await callApi(page, "GET", "/systems")).body.items[0];

export const jobOf = async (page, id) => (await callApi(page, "GET", `/jobs/${id}`)).body;

/** Waits until a job is as `holds` wants it, and gives it. */
export const untilJob = (page, id, what, holds, limitMs = 60_000) => until(what, async () => {
  const job = await jobOf(page, id);
  return holds(job) && job;
}, { limitMs });

export const submitScript = (page, lines) =>
  callApi(page, "POST", "/systems/testbed/jobs", { script: ["#!/bin/bash", ...lines, ""].join("\n"), work_dir: "home" });

/** The status of an answer and the codes of its fields. */
export const codesOf = ({ status, body }) => [status, ...(body.fields ?? []).map(({ code }) => code)];

/** The batch form with a name, five minutes and a command; gives the part of the page that shows the head. */
export async function fillIn(page, portal, name, command) {
  await page.goto(`${portal.origin}/jobs/new`);
  const form = page.getByRole("form", { name: "New job" });
  await form.getByRole("textbox", { name: "Job name" }).fill(name);
  await form.getByRole("textbox", { name: "Walltime" }).fill("00:05:00");
  await form.getByRole("textbox", { name: "Output file" }).fill("%x.out");
  await form.getByRole("textbox", { name: "Your part" }).fill(command);
  return form.getByLabel("Head of the script, made by the form");
}

/** Asks for something about a job, once. */
export async function ask(page, id, action) {
  const { status, body } = await callApi(page, "POST", `/jobs/${id}/${action}`);
  if (status !== 202) throw new Error(`${action}: ${status} ${JSON.stringify(body)}`);
}

/** What another person may ask of a job that she must not know. */
export const OTHERS_QUESTIONS = [["GET", ""], ["GET", "/script"], ["GET", "/record"], ["GET", "/output"], ["POST", "/cancel"], ["POST", "/hold"], ["POST", "/release"], ["POST", "/resubmit"], ["POST", "/requeue"], ["GET", "/tasks"], ["GET", "/tasks/1/output"], ["POST", "/tasks/1/cancel"]];
