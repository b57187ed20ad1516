// Output of a program without the signs that only a terminal understands.

// ECMA-48: CSI sequences, OSC strings up to BEL or ST, and two-character escapes.
// oxlint-disable-next-line no-control-regex
const ESCAPES = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[@-Z\\^_])/g;

export function plainText(output: string): string {
  return output.replace(ESCAPES, "").replace(/\r\n/g, "\n").replace(/[^\n]*\r(?=[^\n])/g, "");
}
