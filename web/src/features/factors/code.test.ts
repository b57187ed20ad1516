import { expect, test } from "vitest";

import { codeDigits, recoveryFile, spacedSecret } from "./code";

test.each([
  ["123456", "123456"],
  ["123 456", "123456"],
  [" 12-34-56\n", "123456"],
  ["１２３４５６", "123456"],
  ["1234567890", "123456"],
  ["abc", ""],
])("%j is the code %j", (typed, code) => {
  expect(codeDigits(typed)).toBe(code);
});

test("a secret stands in groups that can be read off", () => {
  expect(spacedSecret("JBSWY3DPEHPK3PXPAB")).toBe("JBSW Y3DP EHPK 3PXP AB");
});

test("the file of recovery codes says whose they are", () => {
  expect(recoveryFile("MyKSC", "kim", ["aaaa-bbbb", "cccc-dddd"])).toBe("MyKSC: kim\n\naaaa-bbbb\ncccc-dddd\n");
});
