// From which state of a file an upload was begun. The portal knows its path and size alone; going on with a file that
// was edited since would make one file of two.

const KEPT_AS = "myksc-uploads";
/** More than a browser leaves unfinished in the week that the portal keeps a beginning. */
const MOST_KEPT = 500;

type Sources = Record<string, string>;

export function rememberSource(id: string, file: File): void {
  const others = Object.entries(read()).filter(([known]) => known !== id);
  write(Object.fromEntries([...others, [id, stateOf(file)]].slice(-MOST_KEPT)));
}

/** Whether this browser began it. */
export function knowsSource(id: string): boolean {
  return id in read();
}

/** False too for an upload that was begun elsewhere: nobody here can say what of. */
export function isSameSource(id: string, file: File): boolean {
  return read()[id] === stateOf(file);
}

export function forgetSource(id: string): void {
  const sources = read();
  if (!(id in sources)) return;
  delete sources[id];
  write(sources);
}

function stateOf(file: File): string {
  return `${file.size} ${file.lastModified}`;
}

function read(): Sources {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(KEPT_AS) ?? "{}");
    return typeof kept === "object" && kept !== null ? (kept as Sources) : {};
  } catch {
    return {};
  }
}

function write(sources: Sources): void {
  try {
    localStorage.setItem(KEPT_AS, JSON.stringify(sources));
  } catch {
    // A browser that keeps nothing begins uploads anew after a reload.
  }
}
