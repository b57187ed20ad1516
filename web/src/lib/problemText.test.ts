import i18next from "i18next";
import { beforeAll, expect, test } from "vitest";

import { toApiError } from "../api/problem";
import en from "../i18n/en";
import ko from "../i18n/ko";
import { errorText, problemText } from "./problemText";

beforeAll(() => i18next.init({ lng: "en", resources: { en, ko }, interpolation: { escapeValue: false } }));

const over = {
  code: "contract_memory_exceeded",
  params: { asked_memory_bytes: 2 ** 33, left_memory_bytes: 2 ** 30, limit_memory_bytes: 2 ** 32 },
  detail: "english",
};

test("a known code is told in the reader's language, its values in the reader's units", async () => {
  expect(problemText(over, i18next)).toBe("Not enough memory left: 8 GiB asked, 1 GiB left of 4 GiB. Stop an app or ask for less.");
  await i18next.changeLanguage("ko");
  expect(problemText(over, i18next)).toContain("요청 8 GiB, 남은 양 1 GiB(전체 4 GiB)");
  await i18next.changeLanguage("en");
});

test("an unknown code falls back to the portal's own words", () => {
  expect(problemText({ code: "brand_new", params: {}, detail: "the moon is away" }, i18next)).toBe("the moon is away");
});

test("a value is never read as a template or as markup", () => {
  const text = problemText({ code: "not_started", params: {}, detail: "<b>$t(nav.jobs) {{x}}</b>" }, i18next);
  expect(text).toContain("<b>");
  expect(text).not.toContain("Jobs");
});

test("an answer that is no problem document becomes one that can be told", () => {
  const error = toApiError("<html>", new Response(null, { status: 500 }));
  expect(errorText(error, i18next)).toBe(en.errors.unreadable_answer);
});

test("how long to wait is told from Retry-After", () => {
  const error = toApiError({ code: "too_many", detail: "", params: {} }, new Response(null, { status: 429, headers: { "Retry-After": "90" } }));
  expect(errorText(error, i18next)).toBe("Too many attempts. Try again in 1 min 30 sec.");
});
