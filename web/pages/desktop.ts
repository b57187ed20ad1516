// A desktop's screen, by noVNC, as large as the window.

import "./pages.css";

import RFB from "@novnc/novnc";

import { address, element, Retries, tell } from "./connection.ts";
import { language, texts } from "./texts.ts";

const screen = element("screen", HTMLElement);
const clipboard = element("clipboard", HTMLTextAreaElement);
const tools = element("tools", HTMLDetailsElement);
const send = element("send", HTMLButtonElement);
const fullScreen = element("full-screen", HTMLButtonElement);

let connection: RFB | null = null;
const retries = new Retries(connect);

function connect() {
  const made = new RFB(screen, address, { shared: true });
  // The desktop takes the window's size; what can't be so large or small is scaled.
  made.resizeSession = true;
  made.scaleViewport = true;
  made.background = "transparent";
  made.addEventListener("connect", () => {
    connection = made;
    retries.worked();
    made.focus();
  });
  made.addEventListener("clipboard", ({ detail }) => takeFromDesktop(detail.text));
  made.addEventListener("disconnect", () => {
    connection = null;
    void retries.again();
  });
}

/** What was copied on the desktop; the browser's own clipboard takes it where the browser allows. */
function takeFromDesktop(text: string) {
  clipboard.value = text;
  navigator.clipboard?.writeText(text).catch(() => {
    // It stands in the field all the same.
  });
}

/** Where the person has allowed it, what she copied elsewhere is on the desktop's clipboard once she comes back. */
async function takeToDesktop() {
  try {
    const name = "clipboard-read" as PermissionName;
    if ((await navigator.permissions.query({ name })).state !== "granted") return;
    const text = await navigator.clipboard.readText();
    if (text === "" || text === clipboard.value) return;
    clipboard.value = text;
    connection?.clipboardPasteFrom(text);
  } catch {
    // A browser without such a permission has the field.
  }
}

document.documentElement.lang = language;
document.title = texts.desktop;
element("tools", HTMLElement).querySelector("summary")?.replaceChildren(texts.tools);
document.querySelector("label")?.replaceChildren(texts.clipboard);
send.textContent = texts.send;
fullScreen.textContent = texts.full_screen;
fullScreen.hidden = !document.fullscreenEnabled;

send.addEventListener("click", () => {
  connection?.clipboardPasteFrom(clipboard.value);
  tools.open = false;
  tell(texts.sent);
  setTimeout(() => tell(null), 4_000);
  connection?.focus();
});
fullScreen.addEventListener("click", () => {
  tools.open = false;
  void (document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen());
  connection?.focus();
});
window.addEventListener("focus", () => void takeToDesktop());

tell(texts.connecting);
connect();
