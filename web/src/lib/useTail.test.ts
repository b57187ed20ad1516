import { renderHook, waitFor } from "@testing-library/react";
import { expect, test, vi } from "vitest";

import type { Chunk } from "../api/types";
import { tailReducer, useTail } from "./useTail";

const chunk = (offset: number, text: string, size: number, ended = false): Chunk => ({
  offset,
  next_offset: offset + text.length,
  size_bytes: size,
  text,
  ended,
});

test("a text is read from its end on and followed until it ends", async () => {
  const answers = [chunk(100, "abc", 106), chunk(103, "def", 106, true)];
  const read = vi.fn(() => Promise.resolve(answers.shift()!));
  const { result } = renderHook(() => useTail(read));
  await waitFor(() => expect(result.current.ended).toBe(true));
  expect(result.current).toMatchObject({ text: "abcdef", isCut: true, error: null });
  expect(read.mock.calls.map((call: unknown[]) => call[0])).toEqual([-131_072, 103]);
});

test("a text that got shorter is read anew", async () => {
  const answers = [chunk(0, "old text", 20), chunk(0, "", 3), chunk(0, "new", 3, true)];
  const read = vi.fn(() => Promise.resolve(answers.shift()!));
  const { result } = renderHook(() => useTail(read));
  await waitFor(() => expect(result.current.ended).toBe(true));
  expect(result.current).toMatchObject({ text: "new", isCut: false });
});

test("what was read stays when a read fails", () => {
  const before = tailReducer({ text: "kept", isCut: false, ended: false, error: null, loading: false }, { type: "failed", error: "away" });
  expect(before).toMatchObject({ text: "kept", error: "away" });
});

test("a very long text keeps its end, cut at a line", () => {
  const long = `${"x".repeat(999_990)}\n`;
  const start = tailReducer({ text: "", isCut: false, ended: false, error: null, loading: true }, { type: "chunk", chunk: chunk(0, long, 1), isFirst: true });
  const next = tailReducer(start, { type: "chunk", chunk: chunk(1, "the last line\n", 2), isFirst: false });
  expect(next).toMatchObject({ text: "the last line\n", isCut: true });
});
