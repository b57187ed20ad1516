// A shell's terminal, by xterm.js. The shell goes on without the page, and any page shows the same shell.

import "@xterm/xterm/css/xterm.css";
import "./pages.css";

import { FitAddon } from "@xterm/addon-fit";
import { Unicode11Addon } from "@xterm/addon-unicode11";
import { Terminal, type ITheme } from "@xterm/xterm";

import { address, element, Retries, tell, tellUse } from "./connection.ts";
import { language, texts } from "./texts.ts";

/** What the agent says besides the shell's output (`terminal/client.rs`). */
type Word = { begin: number } | "ended" | "failed";

const LIGHT: ITheme = { background: "#ffffff", foreground: "#131924", cursor: "#3144c4", selectionBackground: "#b4bff3" };
const DARK: ITheme = { background: "#11151c", foreground: "#e7ebf2", cursor: "#97a5f7", selectionBackground: "#3a4566" };
const FONTS = '"D2Coding", "NanumGothicCoding", "Noto Sans Mono CJK KR", ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace';

const dark = matchMedia("(prefers-color-scheme: dark)");
const terminal = new Terminal({
  fontFamily: FONTS,
  fontSize: 14,
  scrollback: 10_000,
  // Programs choose colours for a dark ground.
  minimumContrastRatio: 4.5,
  allowProposedApi: true,
  theme: dark.matches ? DARK : LIGHT,
});
const fit = new FitAddon();
const encoder = new TextEncoder();
const retries = new Retries(connect);

let socket: WebSocket | null = null;
/** Bytes that are still to come of what the shell said before: whatever they ask of a terminal was answered then. */
let former = 0;

function connect() {
  const made = new WebSocket(address);
  made.binaryType = "arraybuffer";
  let over = false;
  made.addEventListener("open", () => {
    socket = made;
    retries.worked();
    sendSize();
    terminal.focus();
  });
  made.addEventListener("message", ({ data }: MessageEvent<string | ArrayBuffer>) => {
    if (typeof data !== "string") return show(made, new Uint8Array(data));
    const word = JSON.parse(data) as Word;
    if (typeof word === "object") return begin(word.begin);
    over = true;
    tell(word === "ended" ? texts.shell_ended : texts.no_shell, { label: texts.new_shell, act: renew });
  });
  made.addEventListener("close", () => {
    socket = null;
    if (!over) void retries.again();
  });
}

function begin(bytes: number) {
  former = bytes;
  terminal.reset();
}

function show(made: WebSocket, bytes: Uint8Array) {
  terminal.write(bytes, () => {
    former = Math.max(0, former - bytes.length);
    // The agent holds back what we have no room for.
    if (made.readyState === WebSocket.OPEN) made.send(JSON.stringify({ taken: bytes.length }));
  });
}

function renew() {
  tell(texts.connecting);
  connect();
}

function sendSize() {
  socket?.send(JSON.stringify({ size: { columns: terminal.cols, rows: terminal.rows } }));
}

document.documentElement.lang = language;
document.title = texts.terminal;
terminal.loadAddon(fit);
terminal.loadAddon(new Unicode11Addon());
terminal.unicode.activeVersion = "11";
terminal.open(element("screen", HTMLElement));
terminal.onData((text) => {
  if (former === 0) socket?.send(encoder.encode(text));
});
terminal.onBinary((text) => socket?.send(Uint8Array.from(text, (letter) => letter.charCodeAt(0))));
terminal.onResize(sendSize);
terminal.onTitleChange((title) => void (document.title = title || texts.terminal));
dark.addEventListener("change", () => void (terminal.options.theme = dark.matches ? DARK : LIGHT));
new ResizeObserver(() => fit.fit()).observe(element("screen", HTMLElement));
fit.fit();

tellUse();
tell(texts.connecting);
connect();
