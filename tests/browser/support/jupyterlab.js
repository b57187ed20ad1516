// JupyterLab as a person works in it.

import { until } from "./until.js";

/** Waits until JupyterLab has drawn its launcher. */
export async function waitForLauncher(page) {
  await page.locator(".jp-Launcher").waitFor({ timeout: 60_000 });
}

/** Opens a new notebook from the launcher and waits until its kernel is idle. */
export async function newNotebook(page) {
  await page.locator('.jp-LauncherCard[data-category="Notebook"]').first().click();
  await page.locator(".jp-Notebook .jp-Cell .cm-content").first().waitFor();
  await kernelIdle(page);
}

/** Waits until the kernel of the shown notebook is connected and idle. */
export async function kernelIdle(page) {
  // The mark in the notebook's bar says "idle" before there is a kernel at all; the status bar does not.
  await page.locator("#jp-main-statusbar").getByText(/\| Idle$/).waitFor({ timeout: 60_000 });
}

/** Types code into the last cell, runs it, and gives its output as text. */
export async function runCode(page, code) {
  const cells = page.locator(".jp-Notebook:visible .jp-CodeCell");
  const index = (await cells.count()) - 1;
  await cells.nth(index).locator(".cm-content").click();
  await page.keyboard.type(code);
  await page.keyboard.press("Shift+Enter");
  const output = cells.nth(index).locator(".jp-OutputArea-output");
  await output.first().waitFor();
  return output.first().innerText();
}

/** Saves the notebook under a name, answering the question of the first save. */
export async function saveAs(page, name) {
  await page.keyboard.press("Control+s");
  const dialog = page.locator(".jp-Dialog");
  await dialog.locator("input.jp-mod-styled[type=text], input#jp-dialog-input-id").fill(name);
  await renameAfterCheckpoints(page, () => dialog.locator("button.jp-mod-accept").click());
  await dialog.waitFor({ state: "detached" });
  await until(`JupyterLab shows ${name} as saved`, async () => {
    const tab = page.locator(".lm-DockPanel-tabBar .lm-TabBar-tab.lm-mod-current");
    return (await tab.innerText()).trim() === name && (await tab.getAttribute("class")).includes("jp-mod-dirty") === false;
  });
}

/**
 * Does what makes JupyterLab rename a new notebook. It asks for the notebook's checkpoints at the same moment, and
 * reports a fault where the server looks for them while the name changes; so the rename waits for their answer.
 */
async function renameAfterCheckpoints(page, act) {
  const answer = (method, path) =>
    page.waitForResponse((found) => found.request().method() === method && new URL(found.url()).pathname.endsWith(path));
  const listed = answer("GET", ".ipynb/checkpoints");
  const renamed = answer("PATCH", ".ipynb");
  const notebooks = /\/api\/contents\/[^/]+\.ipynb\?/;
  await page.route(notebooks, async (route) => {
    if (route.request().method() === "PATCH") await listed;
    await route.continue();
  });
  await act();
  await Promise.all([listed, renamed]);
  await page.unroute(notebooks);
}

/** The WebSockets of a page that brought something and are still open. */
export function openSockets(page) {
  const sockets = new Set();
  page.on("websocket", (socket) => {
    socket.on("framereceived", () => sockets.add(socket));
    socket.on("close", () => sockets.delete(socket));
  });
  return sockets;
}

/** How many of them lead to a kernel. */
export function kernelSockets(sockets) {
  return [...sockets].filter((socket) => new URL(socket.url()).pathname.endsWith("/channels")).length;
}
