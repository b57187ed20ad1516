// What the build leaves beside each text: its Brotli and gzip forms, which the portal serves as they are.

import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";

import type { Plugin } from "vite";

const TEXTS = /\.(js|css|html|svg|json)$/;

const forms = {
  ".br": (bytes: Buffer) => promisify(brotliCompress)(bytes, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } }),
  ".gz": (bytes: Buffer) => promisify(gzip)(bytes, { level: constants.Z_BEST_COMPRESSION }),
};

export function compress(): Plugin {
  let folder = "dist";
  return {
    name: "compress",
    apply: "build",
    configResolved: (config) => void (folder = join(config.root, config.build.outDir)),
    closeBundle: async () => {
      const names = await readdir(folder, { recursive: true });
      await Promise.all(names.filter((name) => TEXTS.test(name)).map((name) => compressFile(join(folder, name))));
    },
  };
}

async function compressFile(path: string) {
  const bytes = await readFile(path);
  for (const [suffix, make] of Object.entries(forms)) {
    const made = await make(bytes);
    if (made.length < bytes.length) await writeFile(path + suffix, made);
  }
}
