// A PostgreSQL server of the test's own on a free port of loopback, which can be stopped and started again.

import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chown, mkdtemp, readdir, rm } from "node:fs/promises";
import { userInfo, tmpdir } from "node:os";
import { join } from "node:path";

import { freePort } from "./portal.js";
import { until } from "./until.js";

const INSTALLED = "/usr/lib/postgresql";

/** Starts a server that ends, with its data, when `context` (a test or suite) does. */
export async function startPostgres(context) {
  const folder = await mkdtemp(join(tmpdir(), "myksc-postgres-"));
  const postgres = new Postgres(folder, await binaries(), await freePort());
  context.after(async () => {
    await postgres.stop();
    await rm(folder, { recursive: true, force: true });
  });
  await postgres.make();
  await postgres.start();
  return postgres;
}

class Postgres {
  #server;

  constructor(folder, bin, port) {
    this.folder = folder;
    this.bin = bin;
    this.port = port;
    /** What the portal's configuration calls its address. */
    this.address = `postgres://myksc@127.0.0.1:${port}/postgres`;
  }

  async make() {
    if (userInfo().uid === 0) await chown(this.folder, idOf("postgres", "-u"), idOf("postgres", "-g"));
    const about = ["--username=myksc", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"];
    this.#run("initdb", `--pgdata=${this.#data}`, ...about);
  }

  async start() {
    const settings = { listen_addresses: "127.0.0.1", port: this.port, unix_socket_directories: this.folder, fsync: "off" };
    const args = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
    const [program, ...before] = [...AS_SERVER, join(this.bin, "postgres")];
    this.#server = spawn(program, [...before, "-D", this.#data, ...args], { cwd: "/", stdio: "ignore" });
    await until("PostgreSQL answers", () => {
      if (this.#server.exitCode !== null) throw new Error(`it ended with ${this.#server.exitCode}`);
      this.#run("pg_isready", "-q", "-h", "127.0.0.1", "-p", `${this.port}`);
      return true;
    });
  }

  /** Ends the server and every connection to it at once. */
  async stop() {
    const server = this.#server;
    if (!server || server.exitCode !== null || server.signalCode !== null) return;
    server.kill("SIGINT");
    await once(server, "exit");
  }

  get #data() {
    return join(this.folder, "data");
  }

  #run(name, ...args) {
    const [program, ...before] = [...AS_SERVER, join(this.bin, name)];
    execFileSync(program, [...before, ...args], { cwd: "/", stdio: "ignore" });
  }
}

// PostgreSQL refuses to run as root.
const AS_SERVER =
  userInfo().uid === 0
    ? ["setpriv", "--pdeathsig", "INT", "--reuid", "postgres", "--regid", "postgres", "--clear-groups"]
    : ["setpriv", "--pdeathsig", "INT"];

const idOf = (name, which) => Number(execFileSync("id", [which, name], { encoding: "utf8" }));

async function binaries() {
  const versions = (await readdir(INSTALLED)).map(Number).filter(Number.isInteger);
  return join(INSTALLED, `${Math.max(...versions)}`, "bin");
}
