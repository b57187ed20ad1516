// Paths as the portal spells them: `home/folder/name`, with `%`, control characters and strange bytes as %XX.

/** A name that a person typed or a browser gave, as a part of a path. macOS gives names in pieces: joined here. */
export function encodeName(name: string): string {
  // eslint-disable-next-line no-control-regex
  return name.normalize("NFC").replace(/[%\u0000-\u001f\u007f-\u009f]/g, (character) =>
    Array.from(new TextEncoder().encode(character), (byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`).join(""),
  );
}

/** A part of a path for showing. */
export function decodeName(part: string): string {
  const bytes: number[] = [];
  for (const piece of part.split(/(%[0-9A-Fa-f]{2})/)) {
    if (/^%[0-9A-Fa-f]{2}$/.test(piece)) bytes.push(Number.parseInt(piece.slice(1), 16));
    else bytes.push(...new TextEncoder().encode(piece));
  }
  return new TextDecoder().decode(new Uint8Array(bytes));
}

export function joinPath(folder: string, name: string): string {
  return `${folder}/${encodeName(name)}`;
}

/** The folder that holds it; null for a root. */
export function parentPath(path: string): string | null {
  const cut = path.lastIndexOf("/");
  return cut < 0 ? null : path.slice(0, cut);
}

/** The last part, for showing. */
export function baseName(path: string): string {
  return decodeName(path.slice(path.lastIndexOf("/") + 1));
}

/** Every folder from the root down to the path itself. */
export function trail(path: string): { path: string; name: string }[] {
  const parts = path.split("/");
  return parts.map((part, index) => ({ path: parts.slice(0, index + 1).join("/"), name: decodeName(part) }));
}

export type NameFault = "name_empty" | "name_dots" | "name_slash" | "name_too_long";

/** What keeps a text from being a file's name; null when nothing does. */
export function nameFault(name: string): NameFault | null {
  if (name === "") return "name_empty";
  if (name === "." || name === "..") return "name_dots";
  if (name.includes("/") || name.includes("\0")) return "name_slash";
  if (new TextEncoder().encode(name.normalize("NFC")).length > 255) return "name_too_long";
  return null;
}

/** Where the bytes of a file are, for a link or a fetch. */
export function contentAddress(path: string): string {
  return `/api/v1/files/content?path=${encodeURIComponent(path)}`;
}
