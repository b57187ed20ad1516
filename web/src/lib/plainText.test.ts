import { expect, test } from "vitest";

import { plainText } from "./plainText";

test("colours and titles of a terminal are left out", () => {
  expect(plainText("\u001b[32m[I 12:00 ServerApp]\u001b[0m ready")).toBe("[I 12:00 ServerApp] ready");
  expect(plainText("\u001b]0;title\u0007text")).toBe("text");
});

test("a progress line shows its last state only", () => {
  expect(plainText("10%\r50%\r100%\ndone\r\nend")).toBe("100%\ndone\nend");
});

test("ordinary text, Korean too, stands as it is", () => {
  expect(plainText("결과: [1;2] ok\n")).toBe("결과: [1;2] ok\n");
});
