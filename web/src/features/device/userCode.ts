// The code that a command line shows: eight letters, as `WDJB-MJHT`.

const LETTERS = 8;
const HALF = 4;

/** What was typed or pasted, as the code is written. */
export function shapeCode(typed: string): string {
  const letters = typed.normalize("NFKC").toUpperCase().replace(/[^A-Z0-9]/g, "").slice(0, LETTERS);
  return letters.length > HALF ? `${letters.slice(0, HALF)}-${letters.slice(HALF)}` : letters;
}

export function isWholeCode(code: string): boolean {
  return code.length === LETTERS + 1;
}
