// @vitest-environment node
import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";

import { budget, firstSizes, type Chunk } from "./budget.ts";

const chunk = (fileName: string, over: Partial<Chunk> = {}): Chunk => ({ type: "chunk", fileName, imports: [], code: randomBytes(500).toString("base64"), ...over });

test("the first page is the entry with all that it needs to begin, and no page or language", () => {
  const sizes = firstSizes([
    chunk("index.js", { isEntry: true, imports: ["react.js", "router.js"] }),
    chunk("react.js", { code: randomBytes(9_000).toString("base64") }),
    chunk("router.js", { imports: ["react.js", "index.js"] }),
    chunk("JobsPage.js", { imports: ["index.js"] }),
    chunk("ko.js"),
    { type: "asset", fileName: "index.css" },
  ]);
  expect(sizes.map(([name]) => name)).toEqual(expect.arrayContaining(["index.js", "react.js", "router.js"]));
  expect([sizes.length, sizes[0]![0]]).toEqual([3, "react.js"]);
  expect(sizes[0]![1]).toBeGreaterThan(9_000);
});

test("text counts as it travels", () => {
  const [size] = firstSizes([chunk("index.js", { isEntry: true, code: "x".repeat(100_000) })]);
  expect(size![1]).toBeLessThan(1_000);
});

test("a build over the budget breaks and says what is large", () => {
  const { handler } = budget().generateBundle as { handler: (this: unknown, options: unknown, bundle: unknown) => void };
  const context = {
    error: (message: string) => {
      throw new Error(message);
    },
  };
  const build = (bytes: number) => () => handler.call(context, {}, { entry: chunk("index.js", { isEntry: true, code: randomBytes(bytes).toString("base64") }) });
  expect(build(250_000)).toThrow(/index\.js: \d{6}/);
  expect(build(100_000)).not.toThrow();
});
