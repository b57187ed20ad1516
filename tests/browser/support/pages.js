// What a person does on the portal's pages, in English.

import assert from "node:assert/strict";

import { until } from "./until.js";

/** Goes through "+ App" for JupyterLab and gives the card on the dashboard. */
export async function launchJupyterLab(page, name) {
  return launch(page, name, "JupyterLab", async () => {});
}

/** The same for a command of the person's own. */
export async function launchCommand(page, name, command) {
  return launch(page, name, "Own command", async (dialog) => {
    await dialog.getByRole("textbox", { name: "Command" }).fill(command);
  });
}

async function launch(page, name, title, fillIn) {
  await page.getByRole("link", { name: /Open a notebook|^App/ }).first().click();
  const dialog = page.getByRole("dialog", { name: "New app" });
  await dialog.getByRole("button", { name: new RegExp(`^${title}`) }).click();
  await dialog.getByRole("textbox", { name: "Name" }).fill(name);
  await fillIn(dialog);
  await dialog.getByRole("button", { name: `Start ${title}` }).click();
  const card = cardOf(page, name);
  await card.waitFor();
  return card;
}

export function cardOf(page, name) {
  return page.getByRole("article", { name, exact: true });
}

/** Waits until a card shows one of the phases; gives every phase it went through. */
export async function waitForPhase(card, ...wanted) {
  return followPhases(card, wanted, 60_000);
}

/** The same for a launch whose image the cluster has to fetch first. */
export async function waitForFirstLaunch(card) {
  return followPhases(card, ["ready"], 180_000);
}

async function followPhases(card, wanted, limitMs) {
  const seen = [];
  await until(
    `the card shows ${wanted}`,
    async () => {
      const phase = await card.getAttribute("data-phase");
      if (seen.at(-1) !== phase) seen.push(phase);
      if (phase === "failed" && !wanted.includes("failed")) throw new Error(await card.innerText());
      return wanted.includes(phase);
    },
    { limitMs, everyMs: 10 },
  );
  return seen;
}

/** Presses a ready card and gives the app's own window. */
export async function openApp(profile, card) {
  const [opened] = await Promise.all([profile.waitForEvent("page"), card.getByRole("link").first().click()]);
  return opened;
}

/** Calls the API with the page's session, as its own code would. */
export async function callApi(page, method, path, body) {
  return page.evaluate(
    async ([method, path, body]) => {
      const session = await (await fetch("/api/v1/session")).json();
      const answer = await fetch(`/api/v1${path}`, {
        method,
        headers: { "Content-Type": "application/json", "X-CSRF-Token": session.csrf_token },
        body: body === undefined ? undefined : JSON.stringify(body),
      });
      const text = await answer.text();
      return { status: answer.status, body: text ? JSON.parse(text) : null };
    },
    [method, path, body],
  );
}

/** Submits a job of one core to the first queue of the first system, and gives it. */
export async function submit(page, { name, command }) {
  const [system] = (await callApi(page, "GET", "/systems")).body.items;
  const [queue] = (await callApi(page, "GET", `/systems/${system.id}/queues`)).body.items;
  const form = {
    name,
    queue: queue.name,
    nodes: 1,
    tasks_per_node: 1,
    cpus_per_task: 1,
    gpus_per_node: 0,
    memory_bytes: null,
    walltime_secs: 3600,
    work_dir: "home",
    inputs: [],
    command,
    stdout_name: "%x-%j.out",
    stderr_name: "%x-%j.err",
  };
  const { script } = (await callApi(page, "POST", `/systems/${system.id}/script`, { form })).body;
  const { status, body } = await callApi(page, "POST", `/systems/${system.id}/jobs`, { script, work_dir: "home" });
  assert.equal(status, 202, JSON.stringify(body));
  return body;
}
