import { DetailedError, type UploadOptions } from "tus-js-client";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { session } from "../../../api/session";
import type { Session, Upload } from "../../../api/types";
import { discardUpload, startUploads } from "./send";
import { uploads } from "./store";

const sending = vi.hoisted(() => ({ options: [] as UploadOptions[], tokens: [] as string[] }));

vi.mock("tus-js-client", () => ({
  DetailedError: class extends Error {
    constructor(
      message: string,
      readonly originalResponse: unknown,
    ) {
      super(message);
    }
  },
  Upload: class {
    url: string | null;
    constructor(
      _file: File,
      readonly options: UploadOptions,
    ) {
      this.url = options.uploadUrl ?? null;
    }
    start() {
      sending.options.push(this.options);
      this.url ??= "http://localhost/api/v1/files/uploads/up-1";
      this.options.onBeforeRequest?.({ setHeader: (_name: string, token: string) => sending.tokens.push(token) } as never);
      this.options.onUploadUrlAvailable?.();
    }
    abort() {}
  },
}));

const PATH = "home/data.csv";
const file = (text: string, lastModified: number) => new File([text], "data.csv", { lastModified });
const begun: Upload = { id: "up-1", path: PATH, size_bytes: 5, offset_bytes: 3, created_at: "2026-01-01T00:00:00Z" };

let unfinished: Upload[] = [];
let tokenOfPortal = "first";
const sessionWith = (csrf_token: string) => ({ user: { id: "u1" }, csrf_token }) as Session;

/** The portal refuses the token that was sent. */
function refuse() {
  const response = { getStatus: () => 403, getBody: () => JSON.stringify({ code: "csrf_invalid" }) };
  sending.options.at(-1)!.onError?.(new DetailedError("refused", response as never));
}

/** What a page does that was opened anew. */
async function give(given: File) {
  uploads.set([]);
  [sending.options, sending.tokens] = [[], []];
  await startUploads([{ file: given, path: PATH }]);
  expect(sending.options).toHaveLength(1);
  return { address: sending.options[0]!.uploadUrl, sentBytes: uploads.get()[0]!.sentBytes };
}

/** Lets the page forget what it sends, as a reload does. */
const end = () => sending.options.at(-1)!.onError?.(new Error("gone"));

beforeEach(async () => {
  localStorage.clear();
  unfinished = [];
  tokenOfPortal = "first";
  session.set(sessionWith("first"));
  vi.stubGlobal("fetch", async (request: Request) => {
    if (request.method === "DELETE") return new Response(null, { status: 204 });
    const body = request.url.endsWith("/session") ? sessionWith(tokenOfPortal) : { items: unfinished, next_cursor: null };
    return new Response(JSON.stringify(body));
  });
  await give(file("abcde", 1_000));
  end();
  unfinished = [begun];
});

afterEach(() => {
  vi.unstubAllGlobals();
});

test("the same file goes on where it was", async () => {
  expect(await give(file("abcde", 1_000))).toEqual({ address: "/api/v1/files/uploads/up-1", sentBytes: 3 });
  end();
});

test("a file that was edited begins anew, even where its size is the same", async () => {
  expect(await give(file("abXYZ", 2_000))).toEqual({ address: null, sentBytes: 0 });
  end();
});

test("what another browser began is not gone on with, because nobody knows what of", async () => {
  localStorage.clear();
  expect(await give(file("abcde", 1_000))).toEqual({ address: null, sentBytes: 0 });
  end();
});

test("what is over is forgotten", async () => {
  await discardUpload("up-1");
  expect((await give(file("abcde", 1_000))).address).toBeNull();
  sending.options[0]!.onSuccess?.({ lastResponse: {} as never });
  expect(localStorage.getItem("myksc-uploads")).toBe("{}");
});

test("a token of an older session is renewed, and the upload goes on", async () => {
  await give(file("abcde", 1_000));
  tokenOfPortal = "second";
  refuse();
  await vi.waitFor(() => expect(sending.tokens).toEqual(["first", "second"]));
  expect(sending.options[1]!.uploadUrl).toContain("up-1");
  expect(uploads.get()[0]!.phase).toBe("sending");
  end();
});

test("a token that stays refused is told, not tried for ever", async () => {
  await give(file("abcde", 1_000));
  refuse();
  await vi.waitFor(() => expect(uploads.get()[0]!.phase).toBe("failed"));
  expect(uploads.get()[0]!.error).toMatchObject({ code: "csrf_invalid" });
  expect(sending.tokens).toEqual(["first"]);
});
