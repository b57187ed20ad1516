// The notices that this browser's person has put away.

const KEPT_AS = "myksc-dismissed";

export function dismissed(): readonly string[] {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(KEPT_AS) ?? "[]");
    return Array.isArray(kept) ? kept.filter((id) => typeof id === "string") : [];
  } catch {
    return [];
  }
}

/** Puts one away; of the others only those are kept that are still told, so that the list does not grow. */
export function dismiss(id: string, told: readonly string[]): readonly string[] {
  const kept = [...dismissed().filter((other) => other !== id && told.includes(other)), id];
  try {
    localStorage.setItem(KEPT_AS, JSON.stringify(kept));
  } catch {
    // A browser that keeps nothing shows it again with the next page.
  }
  return kept;
}
