// The uploads of this page: what the tray shows, kept while the person walks through the portal.

import { createStore } from "../../../lib/store";

export type UploadPhase = "waiting" | "sending" | "paused" | "done" | "conflict" | "failed";

export interface UploadItem {
  key: string;
  /** Where the file will be. */
  path: string;
  file: File;
  phase: UploadPhase;
  sentBytes: number;
  /** Bytes a second, over the last moments; null before the first bytes. */
  bytesPerSecond: number | null;
  overwrite: boolean;
  /** Address of the upload at the portal, once it has one. */
  address: string | null;
  /** Why it failed. */
  error: unknown;
}

export const uploads = createStore<readonly UploadItem[]>([]);

export function addUpload(item: UploadItem): void {
  uploads.set([...uploads.get(), item]);
}

export function changeUpload(key: string, change: Partial<UploadItem>): void {
  uploads.set(uploads.get().map((item) => (item.key === key ? { ...item, ...change } : item)));
}

export function dropUploads(keys: ReadonlySet<string>): void {
  uploads.set(uploads.get().filter((item) => !keys.has(item.key)));
}

export function findUpload(key: string): UploadItem | undefined {
  return uploads.get().find((item) => item.key === key);
}

/** Whether leaving the page would stop something. */
export function isSending(): boolean {
  return uploads.get().some((item) => item.phase === "sending" || item.phase === "waiting");
}
