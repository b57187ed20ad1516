// Every code that the portal can send has its text. The document of the interface does not list them, so they are read
// from the programs: from the forms in which a code stands there.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

import en from "./en/errors.json";
import ko from "./ko/errors.json";

const CRATES = join(import.meta.dirname, "../../../crates");
/** The command line tells the English detail, and the gateway has pages of its own. */
const SPEAKS_FOR_ITSELF = /^(myksc|gateway)\//;
const IS_TEST = /(^|\/)(tests|benches)\/|tests\.rs$|testing\.rs$/;

const WORD = "([a-z][a-z0-9]*(?:_[a-z0-9]+)*)";
const WORDS = "([a-z][a-z0-9]*(?:_[a-z0-9]+)+)";
const FORMS = [
  `\\bcode: "${WORD}"`,
  `\\b(?:conflict|hold|reason|failure|problem|fault)\\(\\s*"${WORD}"`,
  // Problem::new(StatusCode::…, "code", …), FieldProblem::new("field", "code", …)
  `Problem::new\\((?:[^,()"]|"[^"]*"|\\((?:[^()]|\\([^()]*\\))*\\))*,\\s*"${WORD}"`,
  `Self::new\\(\\s*StatusCode::\\w+,\\s*"${WORD}"`,
  // The table of what the file agent says.
  `\\b[A-Z]\\w+ = "${WORD}", \\d{3};`,
  // A code and its English, in whatever tuple or call.
  `"${WORDS}"(?:\\.to_owned\\(\\))?,\\s*(?:Params::new\\(\\),\\s*)?(?:"[^"\\n]* [^"\\n]*"|format!\\(|detail\\b)`,
  `[ (]\\("${WORD}",\\s*format!\\(`,
  `"${WORDS}", "limit\\w*",`,
  // What a match, an if or a block ends with.
  `=> "${WORDS}"`,
  `\\{ "${WORDS}" \\}`,
  `^\\s*"${WORDS}"$`,
].map((form) => new RegExp(form, "gm"));

/** What looks like a code and is another word. */
const NO_CODES = ["project_leader", "recovery_code", "set_walltime", "sign_ins", "limit_bytes", "limit_secs"];

/** Codes that no page is ever told. */
const NEVER_IN_A_PAGE: Record<string, string> = {
  user_name_invalid: "accounts are made on the command line",
  user_name_taken: "accounts are made on the command line",
  display_name_invalid: "accounts are made on the command line",
  path_not_absolute: "accounts are made on the command line",
  uid_is_taken: "accounts are made on the command line",
  gid_is_reserved: "accounts are made on the command line; at a sign-in it is identity_gid_is_reserved",
  app_running: "what removes an ended app waits for it and tries again",
};

const sent = new Set(sources().flatMap(codesOf));

test.each(["en", "ko"] as const)("every code has a text in %s", (language) => {
  const texts = { en, ko }[language];
  const missing = [...sent].filter((code) => !(code in texts || code in NEVER_IN_A_PAGE || NO_CODES.includes(code)));
  expect(missing.toSorted()).toEqual([]);
});

test("the codes are found in the programs", () => {
  // One for each form, so that a form that fits nothing any more is noticed.
  const some = ["database_away", "app_stopping", "json_invalid", "unauthenticated", "is_link", "job_not_held", "exited", "nodes_over_limit", "identity_uid_is_root"];
  expect(some.filter((code) => !sent.has(code))).toEqual([]);
});

test("no exception outlives its code", () => {
  expect(Object.keys(NEVER_IN_A_PAGE).filter((code) => !sent.has(code) || code in en)).toEqual([]);
});

function sources(): string[] {
  const paths = readdirSync(CRATES, { recursive: true, encoding: "utf8" });
  return paths
    .filter((path) => path.endsWith(".rs") && !SPEAKS_FOR_ITSELF.test(path) && !IS_TEST.test(path))
    .map((path) => readFileSync(join(CRATES, path), "utf8").split("#[cfg(test)]\nmod tests {")[0]!);
}

function codesOf(source: string): string[] {
  return FORMS.flatMap((form) => Array.from(source.matchAll(form), (found) => found[1]!));
}
