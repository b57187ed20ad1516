import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { connection } from "./connection";
import { portalFetch, send } from "./fetch";
import { ApiError } from "./problem";
import { session, signedIn, signInAsked, signInDeclined } from "./session";
import type { Session } from "./types";

const person = (csrf_token: string): Session => ({
  user: { id: "u1", name: "kim", display_name: "Kim", uid: 1, gid: 1, groups: [], home: "/home/kim" },
  csrf_token,
  session_id: "s1",
  role: "user",
  provider: "local",
  expires_at: "2030-01-01T00:00:00Z",
});

const problem = (status: number, code: string) => new Response(JSON.stringify({ code }), { status, headers: { "Content-Type": "application/problem+json" } });
const post = () => new Request("http://localhost/api/v1/apps", { method: "POST", body: '{"name":"typed"}' });

let sent: { token: string | null; body: string }[] = [];

/** Answers in turn, keeping what was sent. */
function answerWith(...answers: (() => Response)[]) {
  vi.stubGlobal("fetch", async (request: Request) => {
    sent.push({ token: request.headers.get("X-CSRF-Token"), body: request.method === "POST" ? await request.text() : "" });
    return answers.shift()!();
  });
}

beforeEach(() => {
  sent = [];
  session.set(person("first"));
});

afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
  connection.set({ away: false, asking: false });
});

test("a request that met the end of the session is sent again, whole, after signing in", async () => {
  answerWith(() => problem(401, "unauthenticated"), () => new Response("{}", { status: 202 }));
  const answer = portalFetch(post());
  await vi.waitFor(() => expect(signInAsked.get()).toBe(true));
  signedIn(person("second"));
  expect((await answer).status).toBe(202);
  expect(sent).toEqual([
    { token: "first", body: '{"name":"typed"}' },
    { token: "second", body: '{"name":"typed"}' },
  ]);
  expect(signInAsked.get()).toBe(false);
});

test("several requests wait for the same sign-in", async () => {
  answerWith(
    () => problem(401, "unauthenticated"),
    () => problem(401, "unauthenticated"),
    () => new Response("{}"),
    () => new Response("{}"),
  );
  const answers = [portalFetch(post()), portalFetch(post())];
  await vi.waitFor(() => expect(sent).toHaveLength(2));
  await vi.waitFor(() => expect(signInAsked.get()).toBe(true));
  signedIn(person("second"));
  expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200]);
});

test("who does not want to sign in gets the refusal", async () => {
  answerWith(() => problem(401, "unauthenticated"));
  const answer = portalFetch(post());
  await vi.waitFor(() => expect(signInAsked.get()).toBe(true));
  signInDeclined();
  await expect(answer).rejects.toMatchObject({ problem: { code: "unauthenticated" } });
});

test("a wrong password is no end of the session", async () => {
  answerWith(() => problem(401, "wrong_credentials"));
  expect((await portalFetch(post())).status).toBe(401);
  expect(signInAsked.get()).toBe(false);
});

test("a token of an older session is renewed and the request sent again", async () => {
  answerWith(
    () => problem(403, "csrf_invalid"),
    () => new Response(JSON.stringify(person("newer"))),
    () => new Response("{}", { status: 202 }),
  );
  expect((await portalFetch(post())).status).toBe(202);
  expect(sent.map(({ token }) => token)).toEqual(["first", null, "newer"]);
});

test("a token whose session is over asks for a sign-in, not for a reload", async () => {
  answerWith(
    () => problem(403, "csrf_invalid"),
    () => problem(401, "unauthenticated"),
    () => new Response("{}", { status: 202 }),
  );
  const answer = portalFetch(post());
  await vi.waitFor(() => expect(signInAsked.get()).toBe(true));
  signedIn(person("newer"));
  expect((await answer).status).toBe(202);
  expect(sent.map(({ token }) => token)).toEqual(["first", null, "newer"]);
});

test("a portal that does not answer is told as such", async () => {
  vi.useFakeTimers();
  vi.stubGlobal("fetch", () => Promise.reject(new TypeError("failed")));
  const error: unknown = await send(post()).catch((cause: unknown) => cause);
  expect(error).toBeInstanceOf(ApiError);
  expect((error as ApiError).code).toBe("portal_away");
  expect(connection.get().away).toBe(true);
});

test("no token goes out with a request that changes nothing", async () => {
  answerWith(() => new Response("{}"));
  await portalFetch(new Request("http://localhost/api/v1/apps"));
  expect(sent[0]!.token).toBeNull();
});

test("a read counts as use of the session only while a person is there", async () => {
  vi.useFakeTimers();
  const marks: (string | null)[] = [];
  vi.stubGlobal("fetch", async (request: Request) => {
    marks.push(request.headers.get("X-Background"));
    return new Response("{}");
  });
  const read = () => portalFetch(new Request("http://localhost/api/v1/apps"));
  window.dispatchEvent(new Event("keydown"));
  await read();
  vi.advanceTimersByTime(11_000);
  await read();
  await portalFetch(post());
  window.dispatchEvent(new Event("pointerdown"));
  await read();
  expect(marks).toEqual([null, "1", null, null]);
});
