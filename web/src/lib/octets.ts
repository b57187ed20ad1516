// Bytes as text and back, none of them lost: a byte that is no UTF-8 is the character U+EF80 to U+EFFF of its own, as
// the portal has it.

const FIRST = 0xef80;
const LAST = 0xefff;
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export function toText(bytes: Uint8Array): string {
  const whole = decoded(bytes);
  if (whole !== null) return whole;
  const text: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const byte = bytes[at]!;
    const length = byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
    const character = decoded(bytes.subarray(at, at + length));
    text.push(character ?? String.fromCharCode(FIRST + byte - 0x80));
    at += character === null ? 1 : length;
  }
  return text.join("");
}

export function toBytes(text: string): Uint8Array<ArrayBuffer> {
  const encoder = new TextEncoder();
  const parts = [...text].map((character) => {
    const code = character.codePointAt(0)!;
    return code >= FIRST && code <= LAST ? Uint8Array.of(code - FIRST + 0x80) : encoder.encode(character);
  });
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** The text of the bytes, if it is UTF-8 and holds none of the characters that stand for bytes. */
function decoded(bytes: Uint8Array): string | null {
  try {
    const text = strict.decode(bytes);
    return /[\uef80-\uefff]/.test(text) ? null : text;
  } catch {
    return null;
  }
}
