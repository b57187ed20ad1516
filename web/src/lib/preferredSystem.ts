// The HPC system that this browser's person works with first.

const KEPT_AS = "myksc-system";

export function preferredSystem(): string | null {
  try {
    return localStorage.getItem(KEPT_AS);
  } catch {
    return null;
  }
}

export function keepPreferredSystem(id: string): void {
  try {
    localStorage.setItem(KEPT_AS, id);
  } catch {
    // A browser that keeps nothing begins with the first.
  }
}
