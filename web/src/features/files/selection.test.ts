import { describe, expect, it } from "vitest";

import { extendTo, findTyped, keepKnown, moveTo, NOTHING, toggle } from "./selection";

const PATHS = ["home/a", "home/b", "home/c", "home/d"];

describe("selection", () => {
  it("grows a range with Shift and forgets it without", () => {
    const started = moveTo(NOTHING, 1, PATHS, false);
    const grown = moveTo(started, 3, PATHS, true);
    expect([...grown.chosen]).toEqual(["home/b", "home/c", "home/d"]);
    expect([...moveTo(grown, 2, PATHS, true).chosen]).toEqual(["home/b", "home/c"]);
  });

  it("never leaves the list", () => {
    expect(moveTo(NOTHING, -5, PATHS, false).cursor).toBe(0);
    expect(moveTo(NOTHING, 99, PATHS, false).cursor).toBe(3);
  });

  it("adds and takes away single entries", () => {
    const one = toggle(NOTHING, 2, PATHS);
    expect([...extendTo(one, 0, PATHS).chosen].toSorted()).toEqual(["home/a", "home/b", "home/c"]);
    expect(toggle(one, 2, PATHS).chosen.size).toBe(0);
  });

  it("drops what is no longer there", () => {
    expect([...keepKnown(toggle(NOTHING, 0, PATHS), ["home/b"]).chosen]).toEqual([]);
  });

  it("jumps to what is typed and round again", () => {
    expect(findTyped(["alpha", "Beta", "bird"], 0, "b")).toBe(1);
    expect(findTyped(["alpha", "Beta", "bird"], 2, "b")).toBe(2);
    expect(findTyped(["alpha", "Beta", "bird"], 2, "a")).toBe(0);
    expect(findTyped(["alpha"], 0, "z")).toBe(-1);
  });
});
