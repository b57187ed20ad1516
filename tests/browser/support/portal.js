// A portal of the test's own: `myksc serve` on a free port, with its state and home in a temporary folder.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { chown, copyFile, mkdir, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

import { startLine } from "./line.js";
import { until } from "./until.js";

const HERE = dirname(fileURLToPath(import.meta.url));
const PROGRAM = join(HERE, "../../../target/debug/myksc");
const START_LIMIT_MS = 30_000;
const AS_PERSON = join(HERE, "../../testbed/support/as-person");
const AS_ROOT = process.getuid() === 0 ? ["--allow-root"] : [];
const KIM = { name: "kim", displayName: "Kim", password: "quiet-lake-7301" };

/**
 * Starts a portal that ends, with everything it started, when `context` (a test or suite) does. It has one account,
 * whose home is a folder of the test's own; `account: null` leaves the first account to the portal. With `line`, the
 * browser reaches it over a line that the test can cut. `config` is the text of its configuration, or makes it from
 * the portal (`folder`, `port`); `files` are private files beside it, by name. With `person: { name, uid, gid, home }`, an account of this
 * machine, it runs as her and in her home; that takes root.
 */
export async function startPortal(context, { account = KIM, line = false, ...settings } = {}) {
  const portal = await Portal.make(settings);
  context.after(() => portal.end());
  if (line) portal.line = await startLine(context, () => portal.port);
  if (account) await portal.addAccount(account);
  await portal.start();
  return portal;
}

class Portal {
  /** Where the browser finds it. */
  origin;
  /** Name and password of its account. */
  account;
  /** The last lines it wrote, for a test that fails. */
  log = [];
  #process;
  #reaper;
  #program = ["setpriv", "--pdeathsig", "TERM", PROGRAM];

  static async make(settings) {
    const portal = new Portal();
    portal.folder = await mkdtemp(join(tmpdir(), "myksc-browser-"));
    portal.#reaper = spawn(process.execPath, [join(HERE, "reaper.js"), portal.folder], {
      stdio: ["pipe", "inherit", "inherit"],
      detached: true,
    });
    portal.home = settings.person?.home ?? join(portal.folder, "home");
    portal.state = join(portal.folder, "state");
    portal.port = await freePort();
    portal.settings = settings;
    await mkdir(portal.home, { recursive: true });
    const config = typeof settings.config === "function" ? settings.config(portal) : settings.config;
    await writeFile(join(portal.folder, "myksc.toml"), config ?? "");
    for (const [name, text] of Object.entries(settings.files ?? {})) {
      await writeFile(join(portal.folder, name), text, { mode: 0o600 });
    }
    if (settings.person) await portal.#giveTo(settings.person);
    return portal;
  }

  /** Lets a person of this machine run it. */
  async #giveTo({ name, uid, gid }) {
    // The build may lie where she may not go.
    const program = join(this.folder, "myksc");
    await copyFile(PROGRAM, program);
    const given = ["myksc.toml", ...Object.keys(this.settings.files ?? {})].map((name) => join(this.folder, name));
    for (const path of [this.folder, program, ...given]) await chown(path, uid, gid);
    const open = [];
    if (process.env.MYKSC_JUPYTER_BIN) {
      const environment = dirname(dirname(process.env.MYKSC_JUPYTER_BIN));
      const settings = await readFile(join(environment, "pyvenv.cfg"), "utf8");
      open.push(environment, dirname(/^home = (.*)$/m.exec(settings)[1]));
    }
    const closed = open.filter((path) => path.startsWith(`${homedir()}/`));
    this.#program = [AS_PERSON, name, ...closed, "--", program];
  }

  /** Makes an account that is the person who runs the test, with the test's home folder; `account` is the last one. */
  async addAccount({ name, displayName, password }) {
    const ids = ["--uid", `${process.getuid()}`, "--gid", `${process.getgid()}`];
    const about = ["--display-name", displayName, "--home", this.home, "--shell", "/bin/bash"];
    const answer = await this.run(["admin", "user", "add", name, ...ids, ...about, "--password-stdin", ...this.#asRoot], password);
    if (answer.code !== 0) throw new Error(`no account could be made: ${answer.stderr}`);
    this.account = { name, password };
  }

  /** Starts it, or starts it again after `kill`, and waits until it says where it is. */
  async start() {
    const [program, ...before] = this.#program;
    const child = spawn(program, [...before, "serve", ...this.#asRoot], {
      cwd: this.folder,
      env: this.#environment(),
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#process = child;
    const said = (line) => {
      this.log.push(line);
      if (this.log.length > 200) this.log.shift();
      const origin = /^Portal: (\S+)$/.exec(line)?.[1];
      if (origin) this.origin = origin;
      const account = /^Sign in: (\S+) \/ (\S+)$/.exec(line);
      if (account) this.account = { name: account[1], password: account[2] };
    };
    this.origin = undefined;
    for (const stream of [child.stdout, child.stderr]) createInterface(stream).on("line", said);
    await until(
      "the portal says where it is",
      () => {
        if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}`);
        return this.origin && (this.account || this.settings.person) && this.answers();
      },
      { limitMs: START_LIMIT_MS },
    ).catch((error) => {
      throw new Error(`the portal did not start:\n${this.log.join("\n")}`, { cause: error });
    });
  }

  async answers() {
    return (await fetch(`${this.origin}/healthz`)).ok;
  }

  /** Process id of the portal. */
  get pid() {
    return this.#process.pid;
  }

  /** Ends the portal as a crash would; what it started goes on. */
  async kill() {
    await this.#signal("SIGKILL");
  }

  /** Asks the portal to end. */
  async stop() {
    await this.#signal("SIGTERM");
  }

  /** Ends the portal, its apps, jobs and agents, and removes its folder. */
  async end() {
    await this.stop();
    this.#reaper.stdin.end();
    if (this.#reaper.exitCode === null) await once(this.#reaper, "exit");
  }

  /** Starts `myksc` in the portal's environment, with further variables. */
  spawn(args, further = {}) {
    const [program, ...before] = this.#program;
    return spawn(program, [...before, ...args], { cwd: this.folder, env: { ...this.#environment(), ...further }, stdio: "pipe" });
  }

  /** Runs `myksc` in the portal's environment with `input` to read; gives what it wrote. */
  async run(args, input = "", further = {}) {
    const child = this.spawn(args, further);
    child.stdin.on("error", () => {}).end(input);
    const output = { stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"]) child[name].setEncoding("utf8").on("data", (text) => (output[name] += text));
    const [code] = await once(child, "close");
    return { code, ...output };
  }

  get #asRoot() {
    return this.settings.person ? [] : AS_ROOT;
  }

  async #signal(signal) {
    const child = this.#process;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    child.kill(signal);
    await once(child, "exit");
  }

  #environment() {
    const { PATH, LANG, MYKSC_JUPYTER_BIN } = process.env;
    return {
      PATH,
      LANG,
      ...(MYKSC_JUPYTER_BIN && { MYKSC_JUPYTER_BIN }),
      HOME: this.home,
      TMPDIR: tmpdir(),
      MYKSC_LISTEN: `127.0.0.1:${this.port}`,
      MYKSC_STATE_DIR: this.state,
      MYKSC_CONFIG: join(this.folder, "myksc.toml"),
      ...(this.line && { MYKSC__SERVER__ORIGIN: this.line.origin }),
      ...this.settings.env,
    };
  }
}

/** A port of loopback that nobody listens at. */
export async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}
