import { expect, test } from "vitest";

import { formatBytes, formatClock, formatCores, formatRelative, formatSpan } from "./format";

test("sizes keep one digit where it says something", () => {
  expect(formatBytes(0, "en")).toBe("0 B");
  expect(formatBytes(1023, "en")).toBe("1,023 B");
  expect(formatBytes(1536, "en")).toBe("1.5 KiB");
  expect(formatBytes(4 * 1024 ** 3, "ko")).toBe("4 GiB");
  expect(formatBytes(5000 * 1024 ** 5, "en")).toBe("5,000 PiB");
});

test("cores come from thousandths", () => {
  expect(formatCores(1500, "en")).toBe("1.5");
  expect(formatCores(2000, "ko")).toBe("2");
});

test("a span shows its two largest units", () => {
  expect(formatSpan(0, "en")).toBe("0 sec");
  expect(formatSpan(7505, "en")).toBe("2 hr 5 min");
  expect(formatSpan(86_400 * 3, "en")).toBe("3 days");
  expect(formatSpan(125, "ko")).toBe("2분 5초");
});

test("a clock runs on past the hour", () => {
  expect(formatClock(7)).toBe("0:07");
  expect(formatClock(3723)).toBe("1:02:03");
});

test("times are told from the reader's moment", () => {
  const now = Date.parse("2026-03-01T12:00:00Z");
  expect(formatRelative("2026-03-01T11:57:00Z", "en", now)).toBe("3 minutes ago");
  expect(formatRelative("2026-03-01T12:00:04Z", "en", now)).toBe("now");
  expect(formatRelative("2026-03-03T12:00:00Z", "ko", now)).toBe("모레");
});
