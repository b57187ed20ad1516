// A line between browser and portal that can be cut: a forwarder of TCP connections.

import { once } from "node:events";
import { connect, createServer } from "node:net";

/** Listens on a free port of loopback and forwards to `portOf()` until `context` (a test) ends. */
export async function startLine(context, portOf) {
  const line = new Line(portOf);
  await line.mend();
  context.after(() => line.cut());
  return line;
}

class Line {
  #portOf;
  #port = 0;
  #server;
  #sockets = new Set();

  constructor(portOf) {
    this.#portOf = portOf;
  }

  get origin() {
    return `http://localhost:${this.#port}`;
  }

  /** Breaks every connection; new ones are refused until `mend`. */
  async cut() {
    const closed = once(this.#server, "close");
    this.#server.close();
    for (const socket of this.#sockets) socket.resetAndDestroy();
    await closed;
  }

  /** Takes connections (again). */
  async mend() {
    this.#server = createServer((near) => this.#forward(near)).listen(this.#port, "127.0.0.1");
    await once(this.#server, "listening");
    this.#port = this.#server.address().port;
  }

  #forward(near) {
    const far = connect(this.#portOf(), "127.0.0.1");
    const both = [near, far];
    for (const socket of both) {
      this.#sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        this.#sockets.delete(socket);
        for (const other of both) other.destroy();
      });
    }
    near.pipe(far).pipe(near);
  }
}
