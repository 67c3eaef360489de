// SPDX-License-Identifier: Apache-2.0
// The page's one WebSocket: asks for the graph, hands on what arrives, and after a loss goes on where it was.

import { receive, type Message } from "./envelope";

export type Link =
  | { state: "connecting" }
  | { state: "live" }
  /** `since` and `retryAt` are Unix ms; what is shown may be out of date since then. */
  | { state: "stale"; since: number; retryAt: number; reason: string };

export interface SubscriberHandlers {
  onMessages(messages: Message[]): void;
  onLink(link: Link): void;
  /** The server will not show what was asked for: nothing is tried again. Without this it is a loss like others. */
  onRefused?: (reason: string) => void;
}

/** What of the graph is to be shown; nothing = all of it, as it is now. */
export interface Wish {
  readonly GremlinFilter?: string;
  /** Unix ms of a moment of the past. */
  readonly Time?: number;
}

export interface Clock {
  now(): number;
  after(delay: number, run: () => void): () => void;
}

const FIRST_DELAY = 500;
const LONGEST_DELAY = 15_000;
/** A snapshot may be large, but a server that has not answered by then never will. */
const SNAPSHOT_PATIENCE = 30_000;

const realClock: Clock = {
  now: () => Date.now(),
  after(delay, run) {
    const timer = setTimeout(run, delay);
    return () => clearTimeout(timer);
  },
};

/** Milliseconds to wait before attempt `failures` (1 = the first retry); doubles, with up to 20 % spread. */
export function retryDelay(failures: number, random: number): number {
  const delay = Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** (failures - 1));
  return Math.round(delay * (0.9 + random * 0.2));
}

export class Subscriber {
  private socket: WebSocket | null = null;
  private cancelTimer: () => void = () => undefined;
  private failures = 0;
  private staleSince = 0;
  private closed = false;
  /** What the server calls this subscription, and the number of the last message of it; null = begin anew. */
  private session: string | null = null;
  private seq = 0;

  constructor(
    private readonly handlers: SubscriberHandlers,
    private readonly open: (resume: string | null) => WebSocket,
    private readonly clock: Clock = realClock,
    private readonly wish: Wish = {},
  ) {}

  start(): void {
    this.handlers.onLink({ state: "connecting" });
    this.connect();
  }

  /** Try again at once, for a user who does not want to wait. */
  retryNow(): void {
    if (this.socket || this.closed) return;
    this.cancelTimer();
    this.connect();
  }

  close(): void {
    this.closed = true;
    this.drop();
  }

  private connect(): void {
    const resume = this.session === null ? null : `${this.session}:${this.seq}`;
    const socket = this.open(resume);
    this.socket = socket;
    this.cancelTimer = this.clock.after(SNAPSHOT_PATIENCE, () => {
      this.session = null;
      this.lost(socket, "the server did not send the graph");
    });
    // A server that is asked to go on answers by itself, with what was missed or with the whole graph.
    socket.onopen = () => {
      if (resume === null) socket.send(JSON.stringify({ Namespace: "Graph", Type: "SyncRequest", Obj: this.wish }));
    };
    socket.onmessage = (event: MessageEvent<unknown>) => this.received(socket, event.data);
    socket.onclose = (event: CloseEvent) => this.lost(socket, event.reason || "the connection was lost");
    // An error is always followed by a close; handling both would start two attempts.
  }

  private received(socket: WebSocket, data: unknown): void {
    if (typeof data !== "string" || socket !== this.socket) return;
    const { message, seq, session } = receive(data);
    if (message?.kind === "snapshot") this.session = session;
    if (seq !== null) this.seq = seq;
    if (!message) return;
    if (message.kind === "refused") {
      this.refused(socket, message.reason);
      return;
    }
    if (message.kind === "snapshot" || message.kind === "resumed") {
      this.cancelTimer();
      this.failures = 0;
      this.staleSince = 0;
      this.handlers.onLink({ state: "live" });
    }
    this.handlers.onMessages([message]);
  }

  private refused(socket: WebSocket, reason: string): void {
    const { onRefused } = this.handlers;
    if (!onRefused) {
      this.lost(socket, reason);
      return;
    }
    this.close();
    onRefused(reason);
  }

  private lost(socket: WebSocket, reason: string): void {
    if (socket !== this.socket) return;
    this.drop();
    if (this.closed) return;
    this.failures += 1;
    this.staleSince ||= this.clock.now();
    const delay = retryDelay(this.failures, Math.random());
    this.handlers.onLink({ state: "stale", since: this.staleSince, retryAt: this.clock.now() + delay, reason });
    this.cancelTimer = this.clock.after(delay, () => this.connect());
  }

  private drop(): void {
    this.cancelTimer();
    const socket = this.socket;
    this.socket = null;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }
}

/** Open the subscriber socket of the server that this page came from; `resume` is SESSION:SEQ of the last one. */
export function openSubscriberSocket(resume: string | null): WebSocket {
  return openSocket(resume === null ? "x-sequence=1" : `resume=${resume}`);
}

/** Open another one, for a part of the graph and nothing else; after a loss it begins anew. */
export function openGraphSocket(): WebSocket {
  return openSocket("x-websocket-namespace=Graph&x-update-policy=partial");
}

function openSocket(wish: string): WebSocket {
  const address = new URL(`ws/subscriber?x-client-type=webui&${wish}`, document.baseURI);
  address.protocol = address.protocol.replace("http", "ws");
  return new WebSocket(address);
}
