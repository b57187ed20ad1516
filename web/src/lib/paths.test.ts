import { describe, expect, it } from "vitest";

import { baseName, decodeName, encodeName, joinPath, nameFault, parentPath, trail } from "./paths";

describe("paths", () => {
  it("spells names so that the portal reads them back", () => {
    for (const name of ["a.txt", "결과 1.csv", "50%.txt", "tab\tand\nline", "'$(rm -rf ~)'"]) {
      expect(decodeName(encodeName(name))).toBe(name);
    }
    expect(encodeName("50%.txt")).toBe("50%25.txt");
    expect(encodeName("a\nb")).toBe("a%0Ab");
  });

  it("joins the pieces of a name from macOS", () => {
    expect(encodeName("한글")).toBe("한글");
  });

  it("shows bytes that are no text as such", () => {
    expect(decodeName("a%FFb")).toBe("a\ufffdb");
  });

  it("goes up and down", () => {
    expect(joinPath("home/data", "x%")).toBe("home/data/x%25");
    expect(parentPath("home/data/x")).toBe("home/data");
    expect(parentPath("home")).toBeNull();
    expect(baseName("home/50%25")).toBe("50%");
    expect(trail("home/a/b").map((step) => step.path)).toEqual(["home", "home/a", "home/a/b"]);
  });

  it("refuses what no file can be called", () => {
    expect(nameFault("")).toBe("name_empty");
    expect(nameFault("..")).toBe("name_dots");
    expect(nameFault("a/b")).toBe("name_slash");
    expect(nameFault("가".repeat(86))).toBe("name_too_long");
    expect(nameFault("가".repeat(85))).toBeNull();
  });
});
