// How fast bytes go, over the last moments.

const WINDOW_MS = 5_000;

export interface Speedometer {
  /** Takes note of how many bytes have gone in all; gives bytes a second, or null when it is too early to say. */
  note: (sentBytes: number, nowMs: number) => number | null;
}

export function createSpeedometer(): Speedometer {
  let marks: { atMs: number; sentBytes: number }[] = [];
  return {
    note: (sentBytes, nowMs) => {
      marks = [...marks.filter((mark) => nowMs - mark.atMs <= WINDOW_MS), { atMs: nowMs, sentBytes }];
      const first = marks[0]!;
      const passedMs = nowMs - first.atMs;
      return passedMs < 250 ? null : ((sentBytes - first.sentBytes) / passedMs) * 1000;
    },
  };
}
