// SPDX-License-Identifier: Apache-2.0
import { beforeEach, expect, it } from "vitest";
import type { Message } from "../../src/transport/envelope";
import { retryDelay, Subscriber, type Clock, type Link } from "../../src/transport/subscriber";

class FakeSocket {
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { reason: string }) => void) | null = null;
  readonly sent: string[] = [];
  closed = false;
  send(text: string): void {
    this.sent.push(text);
  }
  close(): void {
    this.closed = true;
  }
}

class FakeClock implements Clock {
  time = 0;
  private timers: { at: number; run: () => void }[] = [];
  now(): number {
    return this.time;
  }
  after(delay: number, run: () => void): () => void {
    const timer = { at: this.time + delay, run };
    this.timers.push(timer);
    return () => {
      this.timers = this.timers.filter((other) => other !== timer);
    };
  }
  advance(by: number): void {
    this.time += by;
    const due = this.timers.filter((timer) => timer.at <= this.time);
    this.timers = this.timers.filter((timer) => timer.at > this.time);
    for (const timer of due) timer.run();
  }
}

const SNAPSHOT = JSON.stringify({ Namespace: "Graph", Type: "SyncReply", Status: 200, Obj: { Nodes: [], Edges: [] } });
const numbered = (seq: number, message: string): string => `{"Seq":${seq},"Session":"s1",${message.slice(1)}`;
const RESUMED = JSON.stringify({ Namespace: "Graph", Type: "Resume", Status: 200, Session: "s1", Resumed: true, Obj: {} });
let sockets: FakeSocket[];
let wishes: (string | null)[];
let links: Link[];
let messages: Message[];
let clock: FakeClock;
let subscriber: Subscriber;

beforeEach(() => {
  sockets = [];
  wishes = [];
  links = [];
  messages = [];
  clock = new FakeClock();
  subscriber = new Subscriber(
    { onLink: (link) => links.push(link), onMessages: (batch) => messages.push(...batch) },
    (resume) => {
      wishes.push(resume);
      const socket = new FakeSocket();
      sockets.push(socket);
      return socket as unknown as WebSocket;
    },
    clock,
  );
  subscriber.start();
});

const states = (): string[] => links.map((link) => link.state);

it("asks for the graph and is live once it is there", () => {
  sockets[0]?.onopen?.();
  sockets[0]?.onmessage?.({ data: SNAPSHOT });

  expect(JSON.parse(sockets[0]?.sent[0] ?? "")).toMatchObject({ Namespace: "Graph", Type: "SyncRequest" });
  expect(states()).toEqual(["connecting", "live"]);
  expect(messages).toHaveLength(1);
});

it("comes back after a loss and asks again", () => {
  sockets[0]?.onmessage?.({ data: SNAPSHOT });
  sockets[0]?.onclose?.({ reason: "" });
  clock.advance(1000);
  sockets[1]?.onopen?.();
  sockets[1]?.onmessage?.({ data: SNAPSHOT });

  expect(sockets[1]?.sent).toHaveLength(1);
  expect(states()).toEqual(["connecting", "live", "stale", "live"]);
});

const say = (to: number, data: string): void => sockets[to]?.onmessage?.({ data });
const cutOff = (which: number): void => {
  sockets[which]?.onclose?.({ reason: "" });
  clock.advance(1000);
};

it("goes on after the last number, those of messages it has no use for included", () => {
  sockets[0]?.onopen?.();
  say(0, numbered(1, SNAPSHOT));
  say(0, '{"Seq":2,"Namespace":"Whatever","Type":"New","Obj":null}');
  cutOff(0);
  sockets[1]?.onopen?.();
  say(1, RESUMED);

  expect(wishes).toEqual([null, "s1:2"]);
  expect(sockets[1]?.sent).toEqual([]);
  expect(states()).toEqual(["connecting", "live", "stale", "live"]);
  expect(messages.map((message) => message.kind)).toEqual(["snapshot", "resumed"]);
});

it("takes the whole graph from a server that cannot go on", () => {
  say(0, numbered(1, SNAPSHOT));
  cutOff(0);
  say(1, numbered(1, SNAPSHOT).replace("s1", "s2"));
  cutOff(1);

  expect(wishes).toEqual([null, "s1:1", "s2:1"]);
  expect(states().at(-2)).toBe("live");
});

it("begins anew after a server that did not answer the wish to go on", () => {
  say(0, numbered(1, SNAPSHOT));
  cutOff(0);
  sockets[1]?.onopen?.();
  clock.advance(30_000);
  clock.advance(2000);

  expect(wishes).toEqual([null, "s1:1", null]);
});

it("says since when it is stale over several attempts", () => {
  sockets[0]?.onmessage?.({ data: SNAPSHOT });
  clock.advance(7000);
  sockets[0]?.onclose?.({ reason: "" });
  clock.advance(1000);
  sockets[1]?.onclose?.({ reason: "gone" });

  expect(links.at(-1)).toMatchObject({ state: "stale", since: 7000, reason: "gone" });
});

it("waits for one attempt at a time", () => {
  sockets[0]?.onclose?.({ reason: "" });
  clock.advance(100_000);
  clock.advance(10);

  expect(sockets).toHaveLength(2);
});

it("gives up on a server that never sends the graph", () => {
  sockets[0]?.onopen?.();
  clock.advance(30_000);

  expect(sockets[0]?.closed).toBe(true);
  expect(states()).toEqual(["connecting", "stale"]);
});

it("gives a graph that is long on its way more time at each attempt", () => {
  sockets[0]?.onopen?.();
  clock.advance(30_000);
  clock.advance(1000);
  sockets[1]?.onopen?.();
  clock.advance(59_000);
  expect(sockets[1]?.closed).toBe(false);
  say(1, SNAPSHOT);

  expect(states().at(-1)).toBe("live");
});

it("is not deceived by a connection that is dead and was never closed", () => {
  say(0, SNAPSHOT);
  clock.advance(20_000);
  expect(sockets[0]?.sent.map((text) => (JSON.parse(text) as { Type: string }).Type)).toEqual(["Ping"]);
  expect(states().at(-1)).toBe("live");
  clock.advance(20_000);

  expect(sockets[0]?.closed).toBe(true);
  expect(links.at(-1)).toMatchObject({ state: "stale", reason: "the server says nothing any more" });
});

it("stays with a server that answers, or that says something by itself", () => {
  say(0, SNAPSHOT);
  clock.advance(20_000);
  say(0, '{"Namespace":"Graph","Type":"Pong","Obj":null}');
  clock.advance(20_000);
  clock.advance(20_000);
  expect(sockets[0]?.sent).toHaveLength(2);
  say(0, '{"Namespace":"Whatever","Type":"New","Obj":null}');
  clock.advance(20_000);

  expect(states()).toEqual(["connecting", "live"]);
});

it("tries at once when the user asks for it", () => {
  sockets[0]?.onclose?.({ reason: "" });
  subscriber.retryNow();

  expect(sockets).toHaveLength(2);
});

it("stays closed once it was closed", () => {
  subscriber.close();
  clock.advance(60_000);

  expect(sockets).toHaveLength(1);
});

it("waits longer after each failure, up to a limit", () => {
  expect([1, 2, 3, 4, 10].map((failures) => retryDelay(failures, 0.5))).toEqual([500, 1000, 2000, 4000, 15_000]);
});

const REFUSAL = JSON.stringify({ Namespace: "Graph", Type: "SyncReply", Status: 400, Obj: "too much" });

/** A subscriber of a part of the graph that hears of refusals; its connections are the next sockets. */
function partial(refusals: string[]): Subscriber {
  return new Subscriber(
    { onLink: (link) => links.push(link), onMessages: () => undefined, onRefused: (reason) => refusals.push(reason) },
    () => {
      const socket = new FakeSocket();
      sockets.push(socket);
      return socket as unknown as WebSocket;
    },
    clock,
    { GremlinFilter: "G.V().SubGraph()", Time: 5 },
  );
}

it("asks again for a part of the graph that was shown before: a server that starts may refuse it", () => {
  const refusals: string[] = [];
  partial(refusals).start();
  say(1, SNAPSHOT);
  cutOff(1);
  say(2, REFUSAL);
  clock.advance(2000);

  expect(refusals).toEqual(["too much"]);
  expect(sockets).toHaveLength(4);
});

it("asks for a part of the graph, and tries no more when that is refused", () => {
  const refusals: string[] = [];
  partial(refusals).start();
  const socket = sockets.at(-1) as FakeSocket;
  socket.onopen?.();
  socket.onmessage?.({ data: REFUSAL });
  clock.advance(60_000);

  expect(socket.sent.map((text) => (JSON.parse(text) as { Obj: unknown }).Obj)).toEqual([
    { GremlinFilter: "G.V().SubGraph()", Time: 5 },
  ]);
  expect([refusals, socket.closed, sockets.at(-1)]).toEqual([["too much"], true, socket]);
});
