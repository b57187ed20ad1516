import { describe, expect, it } from "vitest";

import { parseWalltime, showWalltime } from "./draft";

describe("walltime", () => {
  it("is read as people write it", () => {
    expect(parseWalltime("1:30:00")).toBe(5_400);
    expect(parseWalltime("1:30")).toBe(5_400);
    expect(parseWalltime("2-00:00:00")).toBe(172_800);
    expect(parseWalltime(" 00:00:05 ")).toBe(5);
  });

  it("is refused when it is none", () => {
    for (const text of ["", "90", "1:75:00", "1:2:3:4", "-1:00:00", "한 시간"]) expect(parseWalltime(text)).toBeNull();
  });

  it("comes back as it was", () => {
    for (const seconds of [1, 59, 3_600, 86_399, 86_400, 200_000]) expect(parseWalltime(showWalltime(seconds))).toBe(seconds);
  });
});
