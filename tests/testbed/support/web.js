// HTTP and WebSockets to an address that is not the host's, as a browser with another resolver would have it.

import { createHash, randomBytes } from "node:crypto";
import http from "node:http";
import https from "node:https";

/**
 * Asks `at` ("address:port") for a path. `host` is the name asked for; with `ca` (PEM) it is asked over TLS.
 * Returns the status, the headers and the body as text.
 */
export function ask(at, path, { host, ca, method = "GET", body } = {}) {
  return new Promise((resolve, reject) => {
    const request = open(at, path, { host, ca, method });
    request.on("response", async (response) => {
      try {
        const chunks = await response.toArray();
        resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks).toString() });
      } catch (error) {
        reject(error);
      }
    });
    request.on("error", reject);
    request.end(body);
  });
}

/** Opens a WebSocket as `ask` does, sends a short text and returns the text of the message that comes back. */
export function echo(at, path, text, { host, ca } = {}) {
  return new Promise((resolve, reject) => {
    const key = randomBytes(16).toString("base64");
    const headers = { Connection: "Upgrade", Upgrade: "websocket", "Sec-WebSocket-Version": 13, "Sec-WebSocket-Key": key };
    const request = open(at, path, { host, ca, headers });
    request.on("response", (response) => reject(new Error(`no WebSocket: status ${response.statusCode}`)));
    request.on("error", reject);
    request.on("upgrade", (response, socket, head) => {
      const accepted = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
      if (response.headers["sec-websocket-accept"] !== accepted) reject(new Error("the answer is to another's key"));
      let received = head;
      const look = () => {
        const message = textOf(received);
        if (message === undefined) return;
        socket.destroy();
        resolve(message);
      };
      socket.on("data", (chunk) => {
        received = Buffer.concat([received, chunk]);
        look();
      });
      socket.on("error", reject);
      socket.on("close", () => reject(new Error("closed before a message came")));
      socket.write(frame(text));
      look();
    });
    request.end();
  });
}

function open(at, path, { host, ca, method = "GET", headers = {} }) {
  const [address, port] = at.split(":");
  const options = { host: address, port, path, method, headers: { ...headers, Host: host ?? at }, agent: false };
  options.timeout = 10_000;
  const request = ca === undefined ? http.request(options) : https.request({ ...options, ca, servername: host });
  request.on("timeout", () => request.destroy(new Error(`${at}${path} did not answer within 10 s`)));
  return request;
}

// A frame of fewer than 126 bytes, masked as a client's has to be (RFC 6455, 5.2).
function frame(text) {
  const payload = Buffer.from(text);
  const mask = randomBytes(4);
  const masked = payload.map((byte, at) => byte ^ mask[at % 4]);
  return Buffer.concat([Buffer.from([0x81, 0x80 | payload.length]), mask, masked]);
}

function textOf(received) {
  if (received.length < 2 || received.length < 2 + received[1]) return undefined;
  return received.subarray(2, 2 + received[1]).toString();
}
