// Holds the first page to its budget of JavaScript: what every visitor loads before the texts of her language and the
// page she asked for. More breaks the build.

import { gzipSync } from "node:zlib";

import type { Plugin } from "vite";

const MOST_BYTES = 200_000;

/** As much of a chunk as its place in the first page needs. */
export interface Chunk {
  type: "chunk" | "asset";
  fileName: string;
  isEntry?: boolean;
  imports?: string[];
  code?: string;
}

export function budget(): Plugin {
  return {
    name: "budget",
    apply: "build",
    // After minifying, with nothing left to change.
    generateBundle: {
      order: "post",
      handler(_options, bundle) {
        const sizes = firstSizes(Object.values(bundle));
        const bytes = sizes.reduce((sum, [, size]) => sum + size, 0);
        if (bytes <= MOST_BYTES) return;
        const parts = sizes.map(([name, size]) => `${name}: ${size}`).join(", ");
        this.error(`the first page takes ${bytes} bytes of gzipped JavaScript, ${MOST_BYTES} at most (${parts})`);
      },
    },
  };
}

/** Name and gzipped bytes of the entry and of all that it needs to begin, the largest first. */
export function firstSizes(bundle: readonly Chunk[]): [string, number][] {
  const chunks = new Map(bundle.filter(({ type }) => type === "chunk").map((chunk) => [chunk.fileName, chunk]));
  const needed = new Set<string>();
  const need = (name: string) => {
    if (needed.has(name)) return;
    needed.add(name);
    chunks.get(name)?.imports?.forEach(need);
  };
  for (const { fileName, isEntry } of chunks.values()) if (isEntry) need(fileName);
  const sizes = [...needed].map((name): [string, number] => [name, gzipSync(chunks.get(name)?.code ?? "").length]);
  return sizes.toSorted(([, a], [, b]) => b - a);
}
