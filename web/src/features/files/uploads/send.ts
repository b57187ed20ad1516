// Sends files by tus (resumable uploads 1.0.0). What has arrived stays at the portal: an upload that was cut goes on
// where it was, also after a reload, once the person gives the same file again.

import { DetailedError, Upload as TusUpload } from "tus-js-client";

import { api, ok } from "../../../api/client";
import { refreshSession } from "../../../api/fetch";
import { keys } from "../../../api/keys";
import { localProblem, toApiError, type ApiError } from "../../../api/problem";
import { queryClient } from "../../../api/queryClient";
import { session, signInAgain } from "../../../api/session";
import type { Upload } from "../../../api/types";
import { parentPath } from "../../../lib/paths";
import { forgetSource, isSameSource, rememberSource } from "./sources";
import { createSpeedometer } from "./speed";
import { addUpload, changeUpload, dropUploads, findUpload, uploads, type UploadItem } from "./store";

const ENDPOINT = "/api/v1/files/uploads";
const AT_ONCE = 3;
/** Long enough for a train's tunnel; after that the tray offers to go on. */
const RETRY_DELAYS_MS = [0, 1_000, 2_000, 4_000, 8_000, 15_000, 30_000, 60_000];

type Token = string | null | undefined;

const running = new Map<string, TusUpload>();
let counter = 0;

/** Queues files; one that was begun before, and is still as it was then, goes on where it was. */
export async function startUploads(files: readonly { file: File; path: string }[]): Promise<void> {
  const unfinished = await fetchUnfinished();
  for (const { file, path } of files) {
    const begun = unfinished.find(({ id, path: target }) => target === path && isSameSource(id, file));
    counter += 1;
    addUpload({
      key: `upload-${counter}`,
      path,
      file,
      phase: "waiting",
      sentBytes: begun?.offset_bytes ?? 0,
      bytesPerSecond: null,
      overwrite: false,
      address: begun ? `${ENDPOINT}/${begun.id}` : null,
      error: null,
    });
  }
  pump();
}

export function pauseUpload(key: string): void {
  void running.get(key)?.abort();
  running.delete(key);
  changeUpload(key, { phase: "paused", bytesPerSecond: null });
  pump();
}

/** Goes on after a pause, a failure, or once it is decided that the file that is there may be replaced. */
export function resumeUpload(key: string, overwrite = false): void {
  changeUpload(key, { phase: "waiting", error: null, ...(overwrite ? { overwrite, address: null, sentBytes: 0 } : {}) });
  pump();
}

/** Ends an upload and takes away what has arrived. */
export async function cancelUpload(key: string): Promise<void> {
  const item = findUpload(key);
  const sending = running.get(key);
  running.delete(key);
  dropUploads(new Set([key]));
  await sending?.abort();
  const address = sending?.url ?? item?.address;
  if (address) await discardUpload(idOf(address));
  pump();
}

/** Takes away an unfinished upload at the portal. */
export async function discardUpload(id: string): Promise<void> {
  await ok(api.DELETE("/api/v1/files/uploads/{id}", { params: { path: { id }, header: { "Tus-Resumable": "1.0.0" } } }));
  forgetSource(id);
  void queryClient.invalidateQueries({ queryKey: keys.uploads });
}

export async function fetchUnfinished(): Promise<Upload[]> {
  return (await ok(api.GET("/api/v1/files/uploads"))).items;
}

function pump(): void {
  for (const item of uploads.get()) {
    if (running.size >= AT_ONCE) return;
    if (item.phase === "waiting" && !running.has(item.key)) send(item);
  }
}

function send(item: UploadItem): void {
  const { key } = item;
  const speed = createSpeedometer();
  let token: Token;
  const upload = new TusUpload(item.file, {
    endpoint: ENDPOINT,
    uploadUrl: item.address,
    metadata: { path: item.path, overwrite: String(item.overwrite) },
    retryDelays: RETRY_DELAYS_MS,
    storeFingerprintForResuming: false,
    removeFingerprintOnSuccess: true,
    onBeforeRequest: (request) => {
      token = session.get()?.csrf_token;
      if (token) request.setHeader("X-CSRF-Token", token);
    },
    onShouldRetry: (error) => isPassing(error),
    onUploadUrlAvailable: () => {
      if (upload.url) rememberSource(idOf(upload.url), item.file);
      changeUpload(key, { address: upload.url });
    },
    onProgress: (sentBytes) => changeUpload(key, { sentBytes, bytesPerSecond: speed.note(sentBytes, performance.now()) }),
    onSuccess: () => finish(key, { phase: "done", sentBytes: item.file.size, bytesPerSecond: null }),
    onError: (error) => void failed(key, error, token),
  });
  running.set(key, upload);
  changeUpload(key, { phase: "sending" });
  upload.start();
}

async function failed(key: string, cause: Error, token: Token): Promise<void> {
  if (statusOf(cause) === 401) return goOnAfter(key, signInAgain, "paused");
  const error = readProblem(cause);
  if (error.problem.status === 403 && error.code.startsWith("csrf")) {
    return goOnAfter(key, () => otherToken(token, error), "failed");
  }
  if (error.problem.status === 404 && findUpload(key)?.address) {
    // The portal no longer knows what was begun: from the start.
    running.delete(key);
    changeUpload(key, { address: null, sentBytes: 0 });
    resumeUpload(key);
    return;
  }
  finish(key, { phase: error.code === "file_exists" ? "conflict" : "failed", error, bytesPerSecond: null });
}

/** Goes on where it was once something is mended; ends in `phase` where it can't be. */
async function goOnAfter(key: string, mend: () => Promise<void>, phase: "paused" | "failed"): Promise<void> {
  running.delete(key);
  try {
    await mend();
    // Unless she paused it meanwhile.
    if (findUpload(key)?.phase === "sending") resumeUpload(key);
  } catch (error) {
    finish(key, { phase, error, bytesPerSecond: null });
  }
}

/** Uploads side by side are refused together: the first of them gets the token for all. */
async function otherToken(refused: Token, error: ApiError): Promise<void> {
  if (session.get()?.csrf_token === refused) await refreshSession();
  if (session.get()?.csrf_token === refused) throw error;
}

function finish(key: string, change: Partial<UploadItem>): void {
  running.delete(key);
  changeUpload(key, change);
  const item = findUpload(key);
  if (item?.phase === "done") {
    if (item.address) forgetSource(idOf(item.address));
    void queryClient.invalidateQueries({ queryKey: keys.folder(parentPath(item.path) ?? "") });
    void queryClient.invalidateQueries({ queryKey: keys.roots });
  }
  void queryClient.invalidateQueries({ queryKey: keys.uploads });
  pump();
}

function idOf(address: string): string {
  return address.slice(address.lastIndexOf("/") + 1);
}

/** Whether trying again by itself may help: no answer, a conflict of offsets or locks, or a portal in trouble. */
function isPassing(error: Error): boolean {
  const status = statusOf(error);
  if (status === 0 || status === 423) return true;
  if (status === 409) return readProblem(error).code === "offset_mismatch";
  return status >= 500 && status !== 507;
}

function statusOf(error: Error): number {
  return error instanceof DetailedError ? (error.originalResponse?.getStatus() ?? 0) : 0;
}

function readProblem(error: Error): ApiError {
  const status = statusOf(error);
  if (status === 0) return localProblem("portal_away", "the portal does not answer");
  const text = (error as DetailedError).originalResponse?.getBody() ?? "";
  let body: unknown = null;
  try {
    body = JSON.parse(text);
  } catch {
    // Not a problem document; the status tells enough.
  }
  return toApiError(body, new Response(null, { status: Math.max(status, 200) }));
}
