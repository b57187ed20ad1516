import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

import { budget } from "./budget.ts";
import { compress } from "./compress.ts";

const portal = process.env.MYKSC_PORTAL ?? "http://localhost:8080";

export default defineConfig({
  plugins: [react(), budget(), compress()],
  build: { target: "es2023", reportCompressedSize: false, modulePreload: { polyfill: false } },
  server: { proxy: { "/api": portal, "/open": portal } },
  test: { environment: "happy-dom", include: ["*.test.ts", "src/**/*.test.{ts,tsx}"], restoreMocks: true },
});
