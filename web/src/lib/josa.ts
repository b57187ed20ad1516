// Korean particles, whose form follows the sound that the word before them ends with.

const FIRST_SYLLABLE = 0xac00;
const LAST_SYLLABLE = 0xd7a3;
const FINALS = 28;
const RIEUL = 8;

type Ending = "vowel" | "rieul" | "consonant";

/** Word and particle: `Keycloak으로`, `구글로`, `센터로`. */
export const josa = {
  ro: (word: string) => word + (endingOf(word) === "consonant" ? "으로" : "로"),
  i: (word: string) => word + (endingOf(word) === "vowel" ? "가" : "이"),
  eul: (word: string) => word + (endingOf(word) === "vowel" ? "를" : "을"),
};

export type Josa = keyof typeof josa;

/** As the word is read aloud; Latin letters by the habits of loanwords, what is in brackets not at all. */
function endingOf(word: string): Ending {
  const last = word.normalize("NFC").replace(/\s*\([^)]*\)\s*$/, "").replace(/[^\p{L}\p{N}]+$/u, "").at(-1) ?? "";
  const code = last.codePointAt(0) ?? 0;
  if (code >= FIRST_SYLLABLE && code <= LAST_SYLLABLE) {
    const final = (code - FIRST_SYLLABLE) % FINALS;
    return final === 0 ? "vowel" : final === RIEUL ? "rieul" : "consonant";
  }
  if (/[lLrR178]/.test(last)) return /[rR]/.test(last) ? "vowel" : "rieul";
  return /[bcgkmnptBCGKMNPT036]/.test(last) ? "consonant" : "vowel";
}
