import { expect, test } from "vitest";

import { creationOptions, decode, encode, requestOptions } from "./webauthn";

const bytes = (...values: number[]) => Uint8Array.from(values).buffer;

test("bytes go through base64url and back", () => {
  const sample = bytes(0, 250, 255, 191, 62, 63, 1);
  expect(encode(sample)).toBe("APr_vz4_AQ");
  expect(new Uint8Array(decode("APr_vz4_AQ"))).toEqual(new Uint8Array(sample));
});

test("the options to sign with a passkey reach the browser as bytes", () => {
  const made = requestOptions({ challenge: "AQID", rpId: "portal.example", allowCredentials: [{ type: "public-key", id: "BAU" }] });
  expect(new Uint8Array(made.challenge as ArrayBuffer)).toEqual(new Uint8Array([1, 2, 3]));
  expect(new Uint8Array(made.allowCredentials![0]!.id as ArrayBuffer)).toEqual(new Uint8Array([4, 5]));
  expect(made.rpId).toBe("portal.example");
});

test("the options to make a passkey keep what they say of the person", () => {
  const made = creationOptions({ challenge: "AQID", user: { id: "Bg", name: "kim", displayName: "김" } });
  expect(new Uint8Array(made.user.id as ArrayBuffer)).toEqual(new Uint8Array([6]));
  expect(made.user.displayName).toBe("김");
  expect(made.excludeCredentials).toEqual([]);
});
