// What this browser keeps for one person: nobody else is shown it, and it goes when she signs out. A session that ends
// by itself takes nothing along, so that she goes on where she was.

import { session } from "./session";

export function readPersonal(name: string): string | null {
  const key = keyOf(name);
  try {
    return key && localStorage.getItem(key);
  } catch {
    return null;
  }
}

export function keepPersonal(name: string, text: string): void {
  const key = keyOf(name);
  try {
    if (key) localStorage.setItem(key, text);
  } catch {
    // A browser that keeps nothing forgets it with the page.
  }
}

export function dropPersonal(name: string): void {
  const key = keyOf(name);
  try {
    if (key) localStorage.removeItem(key);
  } catch {
    // Nothing was kept.
  }
}

/** Takes away all that is kept for the person who is signed in. */
export function forgetPerson(): void {
  const start = keyOf("");
  if (start === null) return;
  try {
    for (const key of Object.keys(localStorage)) if (key.startsWith(start)) localStorage.removeItem(key);
  } catch {
    // Nothing was kept.
  }
}

function keyOf(name: string): string | null {
  const id = session.get()?.user.id;
  return id === undefined ? null : `myksc-of-${id}-${name}`;
}
