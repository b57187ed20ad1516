// A desktop in the browser as a person works on it: by what its screen shows, with mouse and keyboard.

import { until } from "./until.js";

/** Waits until the desktop has drawn itself: a screen as large as the window, of more than a ground's few colours. */
export async function desktopOf(page) {
  await page.locator("#screen canvas").waitFor({ timeout: 60_000 });
  await until("the desktop's panel", async () => {
    const { width, height, colours } = await screen(page);
    const window = page.viewportSize();
    return width === window.width && height === window.height && colours > 30;
  }, { limitMs: 60_000, everyMs: 200 });
  return page;
}

/** Opens a terminal by XFCE's own key, and waits until its window has drawn itself in the middle of the screen. */
export async function openTerminal(page) {
  await page.locator("#screen canvas").click({ position: { x: 600, y: 600 } });
  await page.keyboard.press("Control+Alt+t");
  const { width, height } = page.viewportSize();
  const middle = { x: width / 2 - 200, y: height / 2 - 150, width: 400, height: 300 };
  await until("the terminal's window", async () => (await screen(page, middle)).colours > 10, { everyMs: 200 });
}

/** Puts a text on the desktop's clipboard by the page's own field. */
export async function takeToDesktop(page, text) {
  await page.getByText("Clipboard", { exact: true }).click();
  await page.getByRole("textbox", { name: "Text to take to the desktop, or copied there" }).fill(text);
  await page.getByRole("button", { name: "Take to the desktop" }).click();
}

/** The screen's size, and how many colours stand in it; or in the part of it that is given. */
export function screen(page, part) {
  return page.evaluate((part) => {
    const canvas = document.querySelector("#screen canvas");
    const { width, height } = canvas;
    const { x, y, width: partWidth, height: partHeight } = part ?? { x: 0, y: 0, width, height };
    const { data } = canvas.getContext("2d").getImageData(x, y, partWidth, partHeight);
    return { width, height, colours: new Set(new Uint32Array(data.buffer)).size };
  }, part);
}
