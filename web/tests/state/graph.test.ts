// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import type { Edge, Node } from "../../src/api/types";
import { emptyGraph, reduceGraph, unsynced, withKey } from "../../src/state/graph";
import type { GraphMessage, Message, PartialOp } from "../../src/transport/envelope";
import { edge, graphOf, node } from "../builders";

const change = (type: "NodeAdded" | "NodeUpdated" | "NodeDeleted", of: Node): Message => ({
  kind: "graph",
  change: { type, node: of },
});
const edgeChange = (type: "EdgeAdded" | "EdgeDeleted", of: Edge): Message => ({
  kind: "graph",
  change: { type, edge: of },
});
const partial = (id: string, revision: number, ops: PartialOp[]): Message => ({
  kind: "graph",
  change: { type: "NodePartiallyUpdated", update: { ID: id, UpdatedAt: 2000, Revision: revision, Ops: ops } },
});

describe("reduceGraph", () => {
  it("replaces everything by a snapshot", () => {
    const graph = reduceGraph(graphOf([node("old")]), [{ kind: "snapshot", nodes: [node("new")], edges: [] }]);

    expect([...graph.nodes.keys()]).toEqual(["new"]);
  });

  it("keeps changes that arrive before the snapshot and applies them to it", () => {
    const early = reduceGraph(emptyGraph, [change("NodeAdded", node("b")), change("NodeDeleted", node("a"))]);
    const graph = reduceGraph(early, [{ kind: "snapshot", nodes: [node("a"), node("c")], edges: [] }]);

    expect([...graph.nodes.keys()].sort()).toEqual(["b", "c"]);
  });

  it("looks through all edges once, however many nodes go at once", () => {
    class Watched extends Map<string, Edge> {
      looks = 0;
      override values() {
        this.looks += 1;
        return super.values();
      }
    }
    const edges = new Watched([["a-b", edge("a", "b")]]);
    const going = Array.from({ length: 50 }, (_, number) => node(`n${number}`));
    const graph = reduceGraph({ ...graphOf([node("a"), node("b"), ...going]), edges }, going.map((one) => change("NodeDeleted", one)));

    expect([graph.nodes.size, graph.edges.size, edges.looks]).toEqual([2, 1, 1]);
  });

  it("drops edges with their nodes, those that came after the first node went included", () => {
    const graph = reduceGraph(graphOf([node("a"), node("b"), node("c")], [edge("b", "c")]), [
      change("NodeDeleted", node("a")),
      edgeChange("EdgeAdded", edge("b", "c", "layer2")),
      change("NodeDeleted", node("c")),
    ]);

    expect([[...graph.nodes.keys()], graph.edges.size]).toEqual([["b"], 0]);
  });

  it("remembers of all that went only what went last", () => {
    const made = Array.from({ length: 6000 }, (_, number) => node(`n${number}`));
    const graph = reduceGraph(graphOf(made), made.map((one) => change("NodeDeleted", one)));

    expect(graph.gone.size).toBe(5000);
    expect(reduceGraph(graph, [change("NodeUpdated", node("n5999"))]).nodes.size).toBe(0);
  });

  it("goes on with what it knows when the server does", () => {
    const graph = reduceGraph(unsynced(graphOf([node("a")])), [{ kind: "resumed" }, change("NodeAdded", node("b"))]);

    expect([...graph.nodes.keys()]).toEqual(["a", "b"]);
    expect(graph.synced).toBe(true);
  });

  it("ignores a revision that is older than the known one", () => {
    const graph = reduceGraph(graphOf([node("a", { State: "UP" }, { Revision: 5 })]), [
      change("NodeUpdated", node("a", { State: "DOWN" }, { Revision: 4 })),
    ]);

    expect(graph.nodes.get("a")?.Metadata["State"]).toBe("UP");
  });

  it("does not bring a deleted node back by an update that comes late", () => {
    const graph = reduceGraph(graphOf([node("a", {}, { Revision: 3 })]), [
      change("NodeDeleted", node("a", {}, { Revision: 4 })),
      change("NodeUpdated", node("a", {}, { Revision: 4 })),
    ]);

    expect(graph.nodes.has("a")).toBe(false);
  });

  it("takes a deletion that comes before the addition it belongs to", () => {
    const graph = reduceGraph(graphOf([]), [
      change("NodeDeleted", node("a", {}, { Revision: 2 })),
      change("NodeAdded", node("a", {}, { Revision: 1 })),
    ]);

    expect(graph.nodes.has("a")).toBe(false);
  });

  it("takes an id that was made again, although its revisions start anew", () => {
    const graph = reduceGraph(graphOf([node("a", {}, { Revision: 9 })]), [
      change("NodeDeleted", node("a", {}, { Revision: 9 })),
      change("NodeAdded", node("a", {}, { Revision: 1, CreatedAt: 5000 })),
    ]);

    expect(graph.nodes.get("a")?.CreatedAt).toBe(5000);
  });

  it("ignores a late deletion of an earlier incarnation", () => {
    const graph = reduceGraph(graphOf([node("a", {}, { CreatedAt: 5000 })]), [
      change("NodeDeleted", node("a", {}, { CreatedAt: 1000, Revision: 7 })),
    ]);

    expect(graph.nodes.has("a")).toBe(true);
  });

  it("drops the edges of a deleted node", () => {
    const graph = reduceGraph(graphOf([node("a"), node("b")], [edge("a", "b")]), [change("NodeDeleted", node("b"))]);

    expect(graph.edges.size).toBe(0);
  });

  it("adds and deletes edges", () => {
    const link = edge("a", "b", "layer2");
    const added = reduceGraph(graphOf([node("a"), node("b")]), [edgeChange("EdgeAdded", link)]);
    const deleted = reduceGraph(added, [edgeChange("EdgeDeleted", link)]);

    expect([added.edges.size, deleted.edges.size]).toEqual([1, 0]);
  });

  it("sets and deletes dotted keys of a partial update", () => {
    const graph = reduceGraph(graphOf([node("a", { ExtID: { "iface-id": "p1" } })]), [
      partial("a", 2, [
        { Type: 1, Key: "ExtID.vm-id", Value: "vm1" },
        { Type: 2, Key: "ExtID.iface-id" },
      ]),
    ]);

    expect(graph.nodes.get("a")?.Metadata["ExtID"]).toEqual({ "vm-id": "vm1" });
  });

  it("leaves the previous state untouched", () => {
    const before = graphOf([node("a", { Labels: { x: "1" } })]);
    reduceGraph(before, [partial("a", 2, [{ Type: 1, Key: "Labels.x", Value: "2" }]), change("NodeAdded", node("b"))]);

    expect(before.nodes.get("a")?.Metadata["Labels"]).toEqual({ x: "1" });
    expect(before.nodes.has("b")).toBe(false);
  });

  it("returns the same state when there is nothing to fold", () => {
    const graph = graphOf([node("a")]);

    expect(reduceGraph(graph, [])).toBe(graph);
  });

  it("keeps hostile strings as they are", () => {
    const hostile = "<img src=x onerror=alert(1)>";
    const messages: GraphMessage[] = [{ type: "NodeAdded", node: node("a", { Name: hostile, __proto__: null }) }];
    const graph = reduceGraph(
      graphOf([]),
      messages.map((item) => ({ kind: "graph", change: item })),
    );

    expect(graph.nodes.get("a")?.Metadata["Name"]).toBe(hostile);
  });

  it("holds changes back after the link was lost, until the next snapshot", () => {
    const graph = reduceGraph(unsynced(graphOf([node("a")])), [change("NodeDeleted", node("a"))]);

    expect(graph.nodes.has("a")).toBe(true);
  });
});

describe("withKey", () => {
  it("takes a key that exists with its dots as that key", () => {
    expect(withKey({ "app.kubernetes.io/name": "x" }, "app.kubernetes.io/name", "y")).toEqual({
      "app.kubernetes.io/name": "y",
    });
  });

  it("removes an object with its last key", () => {
    expect(withKey({ ExtID: { a: 1 }, MTU: 2 }, "ExtID.a", undefined)).toEqual({ MTU: 2 });
  });

  it("does not reach the prototype of objects", () => {
    withKey({}, "__proto__.polluted", "yes");

    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  });
});

const small = graphOf([node("a"), node("b")], [edge("a", "b")]);
const after = (change: GraphMessage): boolean =>
  reduceGraph(small, [{ kind: "graph", change }]).structure === small.structure;
const ops = (Key: string, Value: string) => ({ ID: "a", UpdatedAt: 2000, Revision: 2, Ops: [{ Type: 1 as const, Key, Value }] });

it.each<[string, GraphMessage]>([
  ["metadata change", { type: "NodePartiallyUpdated", update: ops("State", "DOWN") }],
  ["a node is told anew", { type: "NodeUpdated", node: node("a", { MTU: 9000 }, { Revision: 2 }) }],
  ["an edge is told anew", { type: "EdgeUpdated", edge: edge("a", "b", "ownership", { Revision: 2 }) }],
  ["what is not there is deleted", { type: "NodeDeleted", node: node("x") }],
])("keeps the structure when %s", (_, change) => {
  expect(after(change)).toBe(true);
});

it.each<[string, GraphMessage]>([
  ["a node comes", { type: "NodeAdded", node: node("c") }],
  ["a node goes", { type: "NodeDeleted", node: node("a", {}, { Revision: 2 }) }],
  ["an edge goes", { type: "EdgeDeleted", edge: edge("a", "b") }],
  ["an edge leads elsewhere", { type: "EdgeUpdated", edge: { ...edge("a", "b"), Child: "a", Revision: 2 } }],
  ["a node becomes of another type", { type: "NodePartiallyUpdated", update: ops("Type", "ofrule") }],
])("has another structure when %s", (_, change) => {
  expect(after(change)).toBe(false);
});
