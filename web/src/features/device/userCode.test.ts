import { expect, test } from "vitest";

import { isWholeCode, shapeCode } from "./userCode";

test.each([
  ["wdjbmjht", "WDJB-MJHT", true],
  ["WDJB-MJHT", "WDJB-MJHT", true],
  [" wdjb mjht\n", "WDJB-MJHT", true],
  ["WDJB", "WDJB", false],
  ["WDJB-M", "WDJB-M", false],
  ["WDJB-MJHT-MORE", "WDJB-MJHT", true],
])("%j is read as %s", (typed, code, isWhole) => {
  expect(shapeCode(typed)).toBe(code);
  expect(isWholeCode(shapeCode(typed))).toBe(isWhole);
});
