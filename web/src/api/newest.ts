// Of two words about one thing, the newer: answers and events overtake each other.

interface Revised {
  id: string;
  revision: number;
}

/** Said before a reset: a database restored from a copy counts on from there, so the next word is newer all the same. */
const outdated = new WeakSet<Revised>();

/** The newer of what is known and what comes, which wins where both are of one revision. */
export function newest<Thing extends Revised>(old: Thing | undefined, next: Thing): Thing {
  const isNewer = old !== undefined && old.id === next.id && old.revision > next.revision;
  return isNewer && !outdated.has(old) ? old : next;
}

/** Lets anything that comes be newer than these. */
export function outdate(things: Iterable<Revised>): void {
  for (const thing of things) outdated.add(thing);
}
