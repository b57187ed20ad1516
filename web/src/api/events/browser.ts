// What the event stream finds in a real browser.

import { fetchSession } from "../fetch";
import { session } from "../session";
import type { Channel, PortalEvent, Source, Surroundings } from "./leader";

const NAME = "myksc-events";
const KINDS = ["hello", "app", "job", "contract", "session_ended", "reset"];

export function browserSurroundings(): Surroundings {
  return {
    lock: (signal, hold) =>
      "locks" in navigator ? navigator.locks.request(NAME, { signal }, hold) : hold(),
    channel: new BroadcastChannel(NAME) as Channel,
    openSource,
    mayOpen,
    wait: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  };
}

function openSource(since: string | null): Source {
  const query = since === null ? "" : `?since=${encodeURIComponent(since)}`;
  const stream = new EventSource(`/api/v1/events${query}`);
  return {
    onEvent: (listener) => {
      for (const kind of KINDS) {
        stream.addEventListener(kind, (message) => {
          const event = read(kind, message);
          if (event) listener(event);
        });
      }
    },
    onEnd: (listener) => {
      // A broken line is mended by the browser itself; a refusal closes the stream for good.
      stream.addEventListener("error", () => {
        if (stream.readyState === EventSource.CLOSED) listener();
      });
    },
    close: () => stream.close(),
  };
}

function read(kind: string, message: MessageEvent<string>): PortalEvent | null {
  try {
    return { kind, id: message.lastEventId || null, data: JSON.parse(message.data || "{}") as unknown };
  } catch {
    return null; // An event that is no JSON tells nothing.
  }
}

async function mayOpen(): Promise<boolean> {
  if (session.get() === null) return false;
  try {
    return (await fetchSession({ background: true })) !== null;
  } catch {
    return false;
  }
}
