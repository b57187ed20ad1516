// What an authenticator app does (RFC 6238).

import { createHmac } from "node:crypto";

const STEP_SECS = 30;
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/** The authenticator of a secret in base 32. No code is given twice: `next` waits in vain for none, it looks ahead. */
export function authenticator(secret) {
  const key = decode(secret.replaceAll(/\s/g, ""));
  let last = 0;
  return {
    /** The code of the present step, or of the one after it where the present one was given before. */
    next() {
      const now = Math.floor(Date.now() / 1000 / STEP_SECS);
      last = Math.max(now, last + 1);
      // The portal takes one step of skew.
      if (last > now + 1) throw new Error("two codes were taken within one step already");
      return code(key, last);
    },
  };
}

function code(key, step) {
  const message = Buffer.alloc(8);
  message.writeBigUInt64BE(BigInt(step));
  const hash = createHmac("sha1", key).update(message).digest();
  const number = hash.readUInt32BE(hash.at(-1) & 15) & 0x7fffffff;
  return String(number % 1_000_000).padStart(6, "0");
}

function decode(text) {
  const bits = [...text].map((letter) => ALPHABET.indexOf(letter).toString(2).padStart(5, "0")).join("");
  return Buffer.from(bits.match(/.{8}/g).map((byte) => Number.parseInt(byte, 2)));
}
