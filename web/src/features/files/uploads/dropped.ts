// What was dropped on the page: files, and folders with all that is in them.

import { encodeName } from "../../../lib/paths";

export interface Dropped {
  /** Folders to make, outer ones first; paths. */
  folders: string[];
  files: { file: File; path: string }[];
}

/** Reads a drop; call it in the event itself, the browser forgets the items afterwards. */
export async function readDrop(transfer: DataTransfer, folder: string): Promise<Dropped> {
  const entries = Array.from(transfer.items, (item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
  const found: Dropped = { folders: [], files: [] };
  for (const entry of entries) await walk(entry, folder, found);
  return found;
}

/** Files of a chooser; those from a chosen folder bring their folders along. */
export function readChosen(files: readonly File[], folder: string): Dropped {
  const folders = new Set<string>();
  const found = files.map((file) => {
    const parts = (file.webkitRelativePath || file.name).split("/").map(encodeName);
    for (let depth = 1; depth < parts.length; depth += 1) folders.add([folder, ...parts.slice(0, depth)].join("/"));
    return { file, path: [folder, ...parts].join("/") };
  });
  return { folders: [...folders], files: found };
}

async function walk(entry: FileSystemEntry, folder: string, found: Dropped): Promise<void> {
  const path = `${folder}/${encodeName(entry.name)}`;
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
    found.files.push({ file, path });
    return;
  }
  found.folders.push(path);
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  for (;;) {
    // A reader gives a hundred names at a time, and none at the end.
    const batch = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (batch.length === 0) return;
    for (const inner of batch) await walk(inner, path, found);
  }
}
