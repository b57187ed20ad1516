import { expect, test } from "vitest";

import type { Notice } from "../../../api/types";
import { EMPTY, standingOf, toNotice } from "./draft";

test("a notice is one line, and its moments are those of the reader's clock", () => {
  const draft = { ...EMPTY, en: " Work on\n\tFriday. ", ko: "금요일에\r\n점검합니다.", from: "2030-01-04T18:00" };
  expect(toNotice(draft)).toEqual({
    kind: "maintenance",
    text: { en: "Work on Friday.", ko: "금요일에 점검합니다." },
    starts_at: new Date(2030, 0, 4, 18).toISOString(),
    ends_at: null,
  });
});

test("a notice is shown from its start until just before its end", () => {
  const at = (secs: number) => new Date(secs * 1000).toISOString();
  const notice = { starts_at: at(10), ends_at: at(20) } as Notice;
  expect([9, 10, 19, 20].map((secs) => standingOf(notice, secs * 1000))).toEqual(["to_come", "shown", "shown", "over"]);
  expect(standingOf({ starts_at: null, ends_at: null } as Notice, 0)).toBe("shown");
});
