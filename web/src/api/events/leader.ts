// One event stream for all tabs of a browser.
//
// The tab that holds the lock is the leader: it alone has an EventSource and passes each event on over the
// channel. When its tab closes the browser gives the lock to another tab, which resumes after the last event
// that it heard of; one that heard of none asks for everything to be fetched anew once its stream has begun, for
// what changes before that is told by nobody.

export interface PortalEvent {
  kind: string;
  /** Revision that a stream can be resumed after; null where the portal gave none. */
  id: string | null;
  data: unknown;
}

/** The part of EventSource that is used. */
export interface Source {
  onEvent: (listener: (event: PortalEvent) => void) => void;
  /** Called when the stream is over and does not come back by itself. */
  onEnd: (listener: () => void) => void;
  close: () => void;
}

/** The part of BroadcastChannel that is used. */
export interface Channel {
  postMessage: (message: unknown) => void;
  onmessage: ((event: { data: unknown }) => void) | null;
  close: () => void;
}

export interface Surroundings {
  /** Runs `hold` once this tab is the only one to do so; the lock is free again when its promise is settled. */
  lock: (signal: AbortSignal, hold: () => Promise<void>) => Promise<void>;
  channel: Channel;
  openSource: (since: string | null) => Source;
  /** Whether a stream may be opened again: false when nobody is signed in. */
  mayOpen: () => Promise<boolean>;
  wait: (ms: number) => Promise<void>;
}

type Message = { type: "event"; event: PortalEvent } | { type: "where" } | { type: "here"; id: string | null };

const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 30_000;

export class EventStream {
  private lastId: string | null = null;
  private readonly stopping = new AbortController();
  private source: Source | null = null;

  constructor(
    private readonly around: Surroundings,
    private readonly deliver: (event: PortalEvent) => void,
  ) {}

  /** True in the tab that holds the stream. */
  get isLeader(): boolean {
    return this.source !== null;
  }

  start(): void {
    this.around.channel.onmessage = ({ data }) => this.hear(data as Message);
    this.say({ type: "where" });
    void this.around.lock(this.stopping.signal, () => this.lead()).catch(() => undefined);
  }

  stop(): void {
    this.stopping.abort();
    this.source?.close();
    this.source = null;
    this.around.channel.onmessage = null;
    this.around.channel.close();
  }

  private async lead(): Promise<void> {
    let waitMs = FIRST_WAIT_MS;
    while (!this.stopping.signal.aborted) {
      if (await this.around.mayOpen()) {
        if (this.stopping.signal.aborted) return;
        if (await this.follow()) waitMs = FIRST_WAIT_MS;
      }
      await this.around.wait(waitMs);
      waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS);
    }
  }

  /** Passes on one stream until it ends; true if anything came. */
  private follow(): Promise<boolean> {
    return new Promise((resolve) => {
      let came = false;
      const isResumed = this.lastId !== null;
      const source = this.around.openSource(this.lastId);
      this.source = source;
      source.onEvent((event) => {
        this.pass(event);
        if (!came && !isResumed) this.pass({ kind: "reset", id: null, data: {} });
        came = true;
      });
      const end = () => {
        source.close();
        if (this.source === source) this.source = null;
        resolve(came);
      };
      source.onEnd(end);
      this.stopping.signal.addEventListener("abort", end, { once: true });
    });
  }

  private hear(message: Message): void {
    if (message.type === "event") this.take(message.event);
    else if (message.type === "where" && this.isLeader) this.say({ type: "here", id: this.lastId });
    else if (message.type === "here") this.lastId ??= message.id;
  }

  private pass(event: PortalEvent): void {
    this.take(event);
    this.say({ type: "event", event });
  }

  private take(event: PortalEvent): void {
    if (event.id) this.lastId = event.id;
    this.deliver(event);
  }

  private say(message: Message): void {
    this.around.channel.postMessage(message);
  }
}
