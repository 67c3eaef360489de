// SPDX-License-Identifier: Apache-2.0
// The page's one WebSocket: asks for the graph, hands on what arrives, and after a loss goes on where it was.

import { now } from "../state/clock";
import { receive, type Message } from "./envelope";

export type Link =
  | { state: "connecting" }
  | { state: "live" }
  /** `since` and `retryAt` are Unix ms; what is shown may be out of date since then. */
  | { state: "stale"; since: number; retryAt: number; reason: string };

export interface SubscriberHandlers {
  onMessages(messages: Message[]): void;
  onLink(link: Link): void;
  /**
   * The server will not show what was asked for: nothing is tried again. Without this, or once it was shown, it is also a
   * loss like others: a server that starts, or has too much to do, refuses what it will show later.
   */
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
/** For a server that has not answered by then; over a slow line the next attempt is given twice as long. */
const SNAPSHOT_PATIENCE = 30_000;
const LONGEST_PATIENCE = 16 * SNAPSHOT_PATIENCE;
/** A path that swallows packets closes no connection: a server that is quiet for so long is asked, and has as long to answer. */
const SILENCE = 20_000;
const PING = JSON.stringify({ Namespace: "Graph", Type: "Ping" });

const realClock: Clock = {
  now,
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
  private patience = SNAPSHOT_PATIENCE;
  private accepted = false;
  private heard = false;

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
    let opened = false;
    this.cancelTimer = this.clock.after(this.patience, () => {
      this.session = null;
      if (opened) this.patience = Math.min(LONGEST_PATIENCE, 2 * this.patience);
      this.lost(socket, "the server did not send the graph");
    });
    // A server that is asked to go on answers by itself, with what was missed or with the whole graph.
    socket.onopen = () => {
      opened = true;
      if (resume === null) socket.send(JSON.stringify({ Namespace: "Graph", Type: "SyncRequest", Obj: this.wish }));
    };
    socket.onmessage = (event: MessageEvent<unknown>) => this.received(socket, event.data);
    socket.onclose = (event: CloseEvent) => this.lost(socket, event.reason || "the connection was lost");
    // An error is always followed by a close; handling both would start two attempts.
  }

  private received(socket: WebSocket, data: unknown): void {
    if (typeof data !== "string" || socket !== this.socket) return;
    this.heard = true;
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
      this.accepted = true;
      this.watch(socket);
      this.handlers.onLink({ state: "live" });
    }
    this.handlers.onMessages([message]);
  }

  private watch(socket: WebSocket, asked = false): void {
    this.heard = false;
    this.cancelTimer = this.clock.after(SILENCE, () => {
      if (this.heard) {
        this.watch(socket);
      } else if (asked) {
        this.lost(socket, "the server says nothing any more");
      } else {
        socket.send(PING);
        this.watch(socket, true);
      }
    });
  }

  private refused(socket: WebSocket, reason: string): void {
    const { onRefused } = this.handlers;
    if (onRefused && !this.accepted) this.close();
    else this.lost(socket, reason);
    onRefused?.(reason);
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
