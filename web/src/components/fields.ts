// The portal's word on single fields of a form, told at those fields.

import { useTranslation } from "react-i18next";

import { ApiError } from "../api/problem";
import { problemText } from "../lib/problemText";

/** Texts of a failed call by field; those without a field on the screen are left for the note above. */
export function useFieldErrors(error: unknown): (field: string) => string | undefined {
  const { i18n } = useTranslation();
  return (field) => {
    if (!(error instanceof ApiError)) return undefined;
    const found = error.fields.filter((problem) => problem.field === field);
    return found.length > 0 ? found.map((problem) => problemText(problem, i18n)).join(" ") : undefined;
  };
}

/** Texts of fields that the form does not show, so that no refusal stays untold. */
export function useOtherFieldErrors(error: unknown, shown: (field: string) => boolean): string[] {
  const { i18n } = useTranslation();
  if (!(error instanceof ApiError)) return [];
  return error.fields.filter((problem) => !shown(problem.field)).map((problem) => `${problem.field}: ${problemText(problem, i18n)}`);
}

/** Takes the reader to the first field that does not hold, once it is marked. */
export function focusFirstInvalid(form: HTMLElement | null): void {
  setTimeout(() => form?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus());
}
