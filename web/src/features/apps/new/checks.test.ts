import { expect, test } from "vitest";

import type { TemplateField } from "../../../api/types";
import { fieldProblem, nameProblem, proposeName } from "./checks";

const field = (over: Partial<TemplateField>): TemplateField => ({
  id: "f",
  label: { en: "F", ko: "F" },
  help: { en: "", ko: "" },
  kind: "text",
  default: "",
  required: false,
  choices: [],
  min: null,
  max: null,
  max_length: 100,
  pattern: null,
  ...over,
});

test("a proposed name is always one that holds and is free", () => {
  expect(proposeName("jupyter", [])).toBe("jupyter");
  expect(proposeName("jupyter", ["jupyter", "jupyter-2"])).toBe("jupyter-3");
  for (const id of ["", "R", "한글", "A_very_long_template_id_that_goes_on_and_on_and_on", "--x--"]) {
    expect(nameProblem(proposeName(id, [proposeName(id, [])]))).toBeNull();
  }
});

test.each(["ab", "a".repeat(41), "Mine", "a b c", "이름은", "a_b"])("%j is no name of an app", (name) => {
  expect(nameProblem(name)).toBe("app_name_invalid");
});

test("an empty value is wrong only where one is needed", () => {
  expect(fieldProblem(field({ required: true }), "  ")).toBe("required");
  expect(fieldProblem(field({ kind: "number", min: 1 }), "")).toBeNull();
});

test("numbers keep to their bounds", () => {
  const number = field({ kind: "number", min: 1, max: 8 });
  expect(["0", "9", "x", "1.5", "4"].map((value) => fieldProblem(number, value))).toEqual(["below_min", "above_max", "number_invalid", "number_invalid", null]);
});

test("a pattern holds for the whole value, and one that is no pattern here is left to the portal", () => {
  expect(fieldProblem(field({ pattern: "[a-z]+" }), "abc1")).toBe("pattern_mismatch");
  expect(fieldProblem(field({ pattern: "(?P<x>a)" }), "zzz")).toBeNull();
});
