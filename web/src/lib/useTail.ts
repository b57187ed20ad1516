// Follows a growing text by byte offset, only while it is looked at and may still grow.

import { useEffect, useReducer, useRef } from "react";

import type { Chunk } from "../api/types";

const FIRST_BYTES = 128 * 1024;
const CHUNK_BYTES = 64 * 1024;
const MOST_CHARACTERS = 1_000_000;
const PAUSE_MS = 1_500;
const LONGEST_PAUSE_MS = 20_000;

export type ReadChunk = (offset: number, limit: number, signal: AbortSignal) => Promise<Chunk>;

export interface Tail {
  text: string;
  /** True when the text before what is shown was left out. */
  isCut: boolean;
  ended: boolean;
  error: unknown;
  loading: boolean;
}

type Change = { type: "chunk"; chunk: Chunk; isFirst: boolean } | { type: "failed"; error: unknown } | { type: "afresh" };

const NOTHING: Tail = { text: "", isCut: false, ended: false, error: null, loading: true };

/** Appends what came; a text that got shorter begins anew. */
export function tailReducer(tail: Tail, change: Change): Tail {
  switch (change.type) {
    case "afresh":
      return NOTHING;
    case "failed":
      return { ...tail, error: change.error, loading: false };
    case "chunk": {
      const before = change.isFirst ? "" : tail.text;
      const whole = before + change.chunk.text;
      const text = whole.length > MOST_CHARACTERS ? whole.slice(whole.indexOf("\n", whole.length - MOST_CHARACTERS) + 1) : whole;
      const isCut = change.isFirst ? change.chunk.offset > 0 : tail.isCut || text.length < whole.length;
      return { text, isCut, ended: change.chunk.ended, error: null, loading: false };
    }
  }
}

/** `read` must keep its identity as long as the text is the same. */
export function useTail(read: ReadChunk): Tail {
  const [tail, change] = useReducer(tailReducer, NOTHING);
  const offset = useRef<number | null>(null);

  useEffect(() => {
    const stopping = new AbortController();
    offset.current = null;
    change({ type: "afresh" });
    void follow(read, offset, change, stopping.signal);
    return () => stopping.abort();
  }, [read]);

  return tail;
}

async function follow(read: ReadChunk, offset: { current: number | null }, change: (next: Change) => void, signal: AbortSignal): Promise<void> {
  let pauseMs = PAUSE_MS;
  while (!signal.aborted) {
    await untilVisible(signal);
    try {
      const from = offset.current;
      const chunk = await (from === null ? read(-FIRST_BYTES, FIRST_BYTES, signal) : read(from, CHUNK_BYTES, signal));
      if (signal.aborted) return;
      if (from !== null && chunk.size_bytes < from) {
        offset.current = null; // It was begun anew; so is the reading.
        continue;
      }
      offset.current = chunk.next_offset;
      change({ type: "chunk", chunk, isFirst: from === null });
      const isAtEnd = chunk.next_offset >= chunk.size_bytes;
      if (isAtEnd && chunk.ended) return;
      pauseMs = PAUSE_MS;
      if (!isAtEnd) continue;
    } catch (error) {
      if (signal.aborted) return;
      change({ type: "failed", error });
      pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
    }
    await pause(pauseMs, signal);
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    }, { once: true });
  });
}

function untilVisible(signal: AbortSignal): Promise<void> {
  if (document.visibilityState !== "hidden") return Promise.resolve();
  return new Promise((resolve) => {
    const look = () => {
      if (document.visibilityState === "hidden" && !signal.aborted) return;
      document.removeEventListener("visibilitychange", look);
      resolve();
    };
    document.addEventListener("visibilitychange", look);
    signal.addEventListener("abort", look, { once: true });
  });
}
