// What both pages know of their connection: where it leads, and when it is worth a try.

import { texts } from "./texts.ts";

const USE_EVERY_MS = 30_000;
const DELAYS_MS = [300, 1_000, 2_000, 5_000, 10_000];

/** Where the page's own host takes WebSockets. */
export const address = new URL("./socket", location.href.replace(/^http/, "ws")).href;

/** Calls `open` again and again, later each time, until `worked` says that it did. */
export class Retries {
  private failures = 0;

  constructor(private readonly open: () => void) {}

  worked() {
    this.failures = 0;
    tell(null);
  }

  async again() {
    tell(texts.broken);
    const delay = DELAYS_MS[Math.min(this.failures++, DELAYS_MS.length - 1)];
    await new Promise((resolve) => setTimeout(resolve, delay));
    await seen();
    if (await isOurs()) this.open();
    else void this.again();
  }
}

/** Waits until somebody looks at the page: nothing is wanted of a window in the background. */
async function seen() {
  while (document.hidden) {
    await new Promise((resolve) => document.addEventListener("visibilitychange", resolve, { once: true }));
  }
}

/** Whether the app answers. Where the portal answers in its place, its page is shown: a sign-in, or why there is no app. */
async function isOurs() {
  try {
    const answer = await fetch("./ready", { redirect: "manual", cache: "no-store" });
    if (answer.headers.has("X-MyKSC-App")) return answer.ok;
    location.reload();
    return false;
  } catch {
    return false;
  }
}

/**
 * Tells the portal, at most every half minute, that somebody works here: keys, clicks and movements. What passes over the
 * socket says nothing of that, as programs and clocks go on by themselves.
 */
export function tellUse() {
  let toldAt = -Infinity;
  const used = () => {
    if (performance.now() - toldAt < USE_EVERY_MS) return;
    toldAt = performance.now();
    fetch("./used", { method: "POST" }).catch(() => {
      // The next one will do.
    });
  };
  for (const kind of ["keydown", "pointerdown", "pointermove", "wheel"]) {
    document.addEventListener(kind, used, { capture: true, passive: true });
  }
}

/** Says something over the page, with a button beside it if there is something to do; `null` takes it away. */
export function tell(text: string | null, action?: { label: string; act: () => void }) {
  const notice = document.getElementById("notice");
  if (!notice) return;
  notice.replaceChildren(text ?? "");
  notice.hidden = text === null;
  if (!action) return;
  const button = document.createElement("button");
  button.className = "first";
  button.textContent = action.label;
  button.addEventListener("click", action.act);
  notice.append(button);
  button.focus();
}

/** The element of the page with that id. */
export function element<T extends HTMLElement>(id: string, kind: new () => T): T {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`the page has no ${id}`);
  return found;
}
