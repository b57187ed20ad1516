// The pages of apps that are ours, which the agent serves beside the app: a desktop's screen and a terminal.

import { defineConfig } from "vite";

import { compress } from "./compress.ts";

export default defineConfig({
  root: "pages",
  base: "./",
  publicDir: false,
  plugins: [compress()],
  build: {
    target: "es2023",
    outDir: "../dist-pages",
    emptyOutDir: true,
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    modulePreload: { polyfill: false },
    rollupOptions: { input: ["pages/desktop.html", "pages/terminal.html"] },
  },
});
