// Whether a person is at this page. What the page asks for by itself must not keep her session from ending.

const RECENT_MS = 10_000;
const INPUTS = ["pointerdown", "keydown", "wheel"] as const;

// Opening the page is the person's doing too.
let lastInputAt = Date.now();

for (const input of INPUTS) {
  window.addEventListener(input, () => (lastInputAt = Date.now()), { capture: true, passive: true });
}

/** True while what the page does follows from what the person just did. */
export function isPresent(): boolean {
  return Date.now() - lastInputAt < RECENT_MS;
}

/** True where she did anything on this page after a moment. */
export function didAnythingSince(at: number): boolean {
  return lastInputAt > at;
}
