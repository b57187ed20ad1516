import { expect, test } from "vitest";

import { toBytes, toText } from "./octets";

test("no byte is lost", () => {
  const utf8 = (text: string) => new TextEncoder().encode(text);
  const all = Uint8Array.from({ length: 256 }, (_, byte) => byte);
  const samples = [utf8("plain\r\n"), utf8("\ufeff한글 👍 \uef80\uefff\uf000"), Uint8Array.of(0xb0, 0xe8, 0xbb, 0xea), Uint8Array.of(0xef, 0xbe), all];
  for (const bytes of samples) expect(toBytes(toText(bytes))).toEqual(bytes);
  expect(toText(utf8("한글"))).toBe("한글");
  expect(toText(Uint8Array.of(0x61, 0xb0))).toBe("a\uefb0");
});
