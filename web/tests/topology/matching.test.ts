// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { asFilter, MatchFeed, wordsOf, type Matching } from "../../src/topology/matching";
import { edge, node } from "../builders";

const verdict = { Valid: true, Kind: "nodes", Local: true, Reason: "", Error: "", Hint: "", Span: null, CallsWorkflow: false };

class FakeSocket {
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: ((event: { reason: string }) => void) | null = null;
  closed = false;
  send(): void {
    // What is asked for is the subscriber's business.
  }
  close(): void {
    this.closed = true;
  }
  says(type: string, body: unknown, status = 200): void {
    this.onmessage?.({ data: JSON.stringify({ Namespace: "Graph", Type: type, Status: status, Obj: body }) });
  }
}

let socket: FakeSocket;
let told: Matching[];

function follow(wish: { GremlinFilter: string; Time?: number }): MatchFeed {
  socket = new FakeSocket();
  return new MatchFeed(wish, (now) => told.push(now), () => socket as unknown as WebSocket);
}

function found(): string[] {
  vi.advanceTimersByTime(1000);
  const now = told.at(-1);
  return now?.state === "known" ? [...now.found.nodes, ...now.found.edges] : [];
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  told = [];
});
afterEach(() => vi.useRealTimers());

it("follows what begins and ceases to be found", () => {
  const feed = follow({ GremlinFilter: "G.V().SubGraph()" });
  // The whole graph's news, from before the answer.
  socket.says("NodeAdded", node("other"));
  socket.says("SyncReply", { Nodes: [node("a"), node("b")], Edges: [] });
  expect(found()).toEqual(["a", "b"]);

  socket.says("NodeDeleted", node("a"));
  socket.says("NodeAdded", node("c"));
  socket.says("EdgeAdded", edge("b", "c", "layer2"));
  socket.says("NodePartiallyUpdated", { ID: "b", Revision: 9, UpdatedAt: 1, Ops: [] });
  expect(found()).toEqual(["b", "c", "b-layer2-c"]);
  expect(told.map(({ state }) => state)).toEqual(["looking", "known", "known"]);
  feed.close();
  expect(socket.closed).toBe(true);
});

it("takes nothing for found that comes before the answer when it was cut off", () => {
  follow({ GremlinFilter: "G.V().SubGraph()" });
  socket.says("SyncReply", { Nodes: [node("a")], Edges: [] });
  expect(found()).toEqual(["a"]);
  socket.onclose?.({ reason: "" });
  vi.advanceTimersByTime(1000);
  socket.says("NodeAdded", node("other"));
  vi.advanceTimersByTime(1000);
  expect(told.map(({ state }) => state)).toEqual(["looking", "known"]);

  socket.says("SyncReply", { Nodes: [node("b")], Edges: [] });
  expect(found()).toEqual(["b"]);
});

it("tells why a query is refused", () => {
  follow({ GremlinFilter: "G.V().SubGraph()" });
  socket.says("SyncReply", "the filter costs too much", 400);

  expect(told.at(-1)).toEqual({ state: "refused", reason: "the filter costs too much" });
});

it("tells that a starting server refuses what it showed before, until it shows it again", () => {
  follow({ GremlinFilter: "G.V().SubGraph()" });
  socket.says("SyncReply", { Nodes: [node("a")], Edges: [] });
  expect(found()).toEqual(["a"]);
  socket.onclose?.({ reason: "" });
  vi.advanceTimersByTime(1000);
  socket.says("SyncReply", "the query took too long", 400);
  expect(told.at(-1)).toEqual({ state: "refused", reason: "the query took too long" });

  vi.advanceTimersByTime(2000);
  socket.says("SyncReply", { Nodes: [node("b")], Edges: [] });
  expect(found()).toEqual(["b"]);
});

it("takes a moment of the past once", () => {
  follow({ GremlinFilter: "G.V().SubGraph()", Time: 5 });
  socket.says("SyncReply", { Nodes: [node("a")], Edges: [] });
  socket.says("NodeAdded", node("now"));

  expect([found(), socket.closed]).toEqual([["a"], true]);
});

it("makes filters of what gives nodes, links or a graph, and of nothing else", () => {
  expect(asFilter("G.V() // all", verdict)).toEqual({ filter: "G.V() // all\n.SubGraph()" });
  expect(asFilter("G.E()", { ...verdict, Kind: "edges" })).toEqual({ filter: "G.E()\n.SubGraph()" });
  expect(asFilter("G", { ...verdict, Kind: "graph" })).toEqual({ filter: "G" });
  expect(asFilter("G.V().Count()", { ...verdict, Kind: "value" })).toEqual({
    reason: "It gives value: a map shows nodes and links",
  });
});

it("names the column of a mistake, counted from one", () => {
  const wrong = { ...verdict, Valid: false, Error: "there is no step Hass", Hint: "did you mean Has?", Span: [6, 10] };

  expect(asFilter("G.V().Hass()", wrong)).toEqual({ reason: wordsOf(wrong) });
  expect(wordsOf(wrong)).toBe("Column 7: there is no step Hass — did you mean Has?");
  expect(wordsOf({ ...wrong, Span: null, Hint: "" })).toBe("there is no step Hass");
});
