import { expect, test, vi } from "vitest";

import { EventStream, type Channel, type PortalEvent, type Source, type Surroundings } from "./leader";

/** A browser with one lock, one channel, and streams that the test feeds. */
class FakeBrowser {
  opened: { since: string | null; push: (event: PortalEvent) => void; end: () => void; closed: boolean }[] = [];
  signedIn = true;
  private waiting: (() => void)[] = [];
  private held = false;
  private channels = new Set<Channel>();

  tab(): { stream: EventStream; got: PortalEvent[] } {
    const got: PortalEvent[] = [];
    const stream = new EventStream(this.surroundings(), (event) => got.push(event));
    return { stream, got };
  }

  private surroundings(): Surroundings {
    const channel: Channel = {
      onmessage: null,
      postMessage: (data) => {
        for (const other of this.channels) if (other !== channel) other.onmessage?.({ data });
      },
      close: () => this.channels.delete(channel),
    };
    this.channels.add(channel);
    return {
      channel,
      lock: (signal, hold) => this.lock(signal, hold),
      openSource: (since) => this.open(since),
      mayOpen: () => Promise.resolve(this.signedIn),
      wait: () => new Promise((resolve) => setTimeout(resolve, 0)),
    };
  }

  private async lock(signal: AbortSignal, hold: () => Promise<void>): Promise<void> {
    if (this.held) await new Promise<void>((resolve) => this.waiting.push(resolve));
    if (signal.aborted) return this.waiting.shift()?.();
    this.held = true;
    await hold();
    this.held = false;
    this.waiting.shift()?.();
  }

  private open(since: string | null): Source {
    let listener: (event: PortalEvent) => void = () => undefined;
    let over: () => void = () => undefined;
    const entry = { since, push: (event: PortalEvent) => listener(event), end: () => over(), closed: false };
    this.opened.push(entry);
    return {
      onEvent: (given) => void (listener = given),
      onEnd: (given) => void (over = given),
      close: () => void (entry.closed = true),
    };
  }
}

const app = (id: string): PortalEvent => ({ kind: "app", id, data: { id: "a1" } });
const kinds = (events: PortalEvent[]) => events.map((event) => event.kind);

test("eight tabs share one stream and all hear its events", async () => {
  const browser = new FakeBrowser();
  const tabs = Array.from({ length: 8 }, () => browser.tab());
  for (const tab of tabs) tab.stream.start();
  await vi.waitFor(() => expect(browser.opened).toHaveLength(1));
  browser.opened[0]!.push(app("7"));
  for (const tab of tabs) expect(kinds(tab.got)).toContain("app");
  expect(tabs.filter((tab) => tab.stream.isLeader)).toHaveLength(1);
});

test("when the leader closes another tab resumes after the last event", async () => {
  const browser = new FakeBrowser();
  const [first, second] = [browser.tab(), browser.tab()];
  first.stream.start();
  await vi.waitFor(() => expect(browser.opened).toHaveLength(1));
  second.stream.start();
  browser.opened[0]!.push(app("12"));
  first.stream.stop();
  await vi.waitFor(() => expect(browser.opened).toHaveLength(2));
  expect(browser.opened[0]!.closed).toBe(true);
  expect(browser.opened[1]!.since).toBe("12");
  browser.opened[1]!.push({ kind: "hello", id: "12", data: { revision: 12 } });
  expect(kinds(second.got)).toEqual(["app", "reset", "hello"]);
});

test("a tab that comes late learns from the leader where the stream stands", async () => {
  const browser = new FakeBrowser();
  const [first, second] = [browser.tab(), browser.tab()];
  first.stream.start();
  await vi.waitFor(() => expect(browser.opened).toHaveLength(1));
  browser.opened[0]!.push({ kind: "hello", id: "40", data: { revision: 40 } });
  second.stream.start();
  first.stream.stop();
  await vi.waitFor(() => expect(browser.opened).toHaveLength(2));
  expect(browser.opened[1]!.since).toBe("40");
});

test("a stream that resumes nothing has everything fetched anew once it has begun, and once only", async () => {
  const browser = new FakeBrowser();
  const [first, second] = [browser.tab(), browser.tab()];
  first.stream.start();
  await vi.waitFor(() => expect(browser.opened).toHaveLength(1));
  second.stream.start();
  expect(browser.opened[0]!.since).toBeNull();
  expect(kinds(first.got)).toEqual([]);
  browser.opened[0]!.push({ kind: "hello", id: "4", data: { revision: 4 } });
  browser.opened[0]!.push(app("5"));
  for (const tab of [first, second]) expect(kinds(tab.got)).toEqual(["hello", "reset", "app"]);
});

test("a refused stream is opened again, after the last event, once somebody is signed in", async () => {
  const browser = new FakeBrowser();
  const tab = browser.tab();
  tab.stream.start();
  await vi.waitFor(() => expect(browser.opened).toHaveLength(1));
  browser.opened[0]!.push(app("3"));
  browser.signedIn = false;
  browser.opened[0]!.end();
  await vi.waitFor(() => expect(tab.stream.isLeader).toBe(false));
  expect(browser.opened).toHaveLength(1);
  browser.signedIn = true;
  await vi.waitFor(() => expect(browser.opened).toHaveLength(2));
  expect(browser.opened[1]!.since).toBe("3");
});

test("a stopped tab neither hears nor leads", async () => {
  const browser = new FakeBrowser();
  const [first, second] = [browser.tab(), browser.tab()];
  first.stream.start();
  second.stream.start();
  await vi.waitFor(() => expect(browser.opened).toHaveLength(1));
  second.stream.stop();
  const before = second.got.length;
  browser.opened[0]!.push(app("5"));
  first.stream.stop();
  expect(second.got).toHaveLength(before);
  expect(browser.opened).toHaveLength(1);
});
