import { beforeEach, describe, expect, it, vi } from "vitest";

import { session, signInAgain, signedIn } from "../../../api/session";
import type { Session } from "../../../api/types";
import { leave } from "../../signin/signOut";
import { EMPTY_FORM, keepDraft, loadDraft, parseWalltime, showWalltime } from "./draft";

const sessionOf = (id: string) => ({ user: { id }, csrf_token: `of ${id}` }) as Session;
const typed = { ...EMPTY_FORM, command: "python3 secret.py" };

describe("the draft", () => {
  beforeEach(() => {
    localStorage.clear();
    session.set(sessionOf("kim"));
    keepDraft(typed);
  });

  it("is shown to nobody else", () => {
    session.set(sessionOf("lee"));
    expect(loadDraft()).toEqual(EMPTY_FORM);
    keepDraft({ ...EMPTY_FORM, command: "date" });
    session.set(sessionOf("kim"));
    expect(loadDraft()).toEqual(typed);
  });

  it("goes when its person signs out, and takes nobody else's along", () => {
    session.set(sessionOf("lee"));
    keepDraft({ ...EMPTY_FORM, command: "date" });
    vi.spyOn(window.location, "assign").mockImplementation(() => {});
    leave();
    expect(loadDraft()).toEqual(EMPTY_FORM);
    session.set(sessionOf("kim"));
    expect(loadDraft()).toEqual(typed);
  });

  it("outlives a session that ended by itself", async () => {
    const waited = signInAgain();
    expect(loadDraft()).toEqual(typed);
    signedIn({ ...sessionOf("kim"), csrf_token: "newer" });
    await waited;
    expect(loadDraft()).toEqual(typed);
  });
});

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
