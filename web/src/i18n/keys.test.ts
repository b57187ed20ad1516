import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

import en from "./en";
import ko from "./ko";

type Tree = { [key: string]: string | Tree };

const CODES = /^(errors|operate\.outcome)\./;
const PLURAL = /_(zero|one|two|few|many|other)$/;

function keysOf(tree: Tree, prefix = ""): string[] {
  return Object.entries(tree).flatMap(([key, value]) =>
    typeof value === "string" ? [prefix + key.replace(PLURAL, "_plural")] : keysOf(value, `${prefix}${key}.`),
  );
}

function textsOf(tree: Tree, prefix = ""): [string, string][] {
  return Object.entries(tree).flatMap(([key, value]): [string, string][] =>
    typeof value === "string" ? [[prefix + key, value]] : textsOf(value, `${prefix}${key}.`),
  );
}

const unique = (keys: string[]) => [...new Set(keys)].toSorted();

test.each(Object.keys(ko) as (keyof typeof ko)[])("%s has the same keys in both languages", (namespace) => {
  expect(unique(keysOf(en[namespace] as Tree))).toEqual(unique(keysOf(ko[namespace] as Tree)));
});

test("no key stands twice", () => {
  // The last of them would hold, and nobody would see that the other one is for nothing.
  for (const language of ["ko", "en"]) {
    const folder = join(import.meta.dirname, language);
    for (const name of readdirSync(folder).filter((file) => file.endsWith(".json"))) {
      const text = readFileSync(join(folder, name), "utf8");
      const written = text.match(/"(?:[^"\\]|\\.)*"\s*:/g) ?? [];
      const kept = JSON.stringify(JSON.parse(text)).match(/"(?:[^"\\]|\\.)*":/g) ?? [];
      expect([name, written.length]).toEqual([name, kept.length]);
    }
  }
});

test("no text is empty", () => {
  for (const tree of [ko, en] as unknown as Tree[]) {
    expect(textsOf(tree).filter(([, text]) => text.trim() === "")).toEqual([]);
  }
});

test("English plurals have both forms, Korean has one", () => {
  // Codes are words, not counts: `too_many` is no plural form.
  const forms = (tree: Tree) => textsOf(tree).map(([key]) => key).filter((key) => PLURAL.test(key) && !CODES.test(key));
  expect(forms(ko as unknown as Tree).filter((key) => !key.endsWith("_other"))).toEqual([]);
  const english = forms(en as unknown as Tree);
  for (const key of english) {
    expect(english).toContain(key.replace(PLURAL, "_one"));
    expect(english).toContain(key.replace(PLURAL, "_other"));
  }
});
