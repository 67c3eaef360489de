// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "vitest";
import { reduceGraph } from "../../src/state/graph";
import { automaticDepth, groupsAround, project, projectWithin } from "../../src/topology/view";
import { foundIn } from "../../src/topology/marks";
import { edge, graphOf, node } from "../builders";

const ALL = Number.POSITIVE_INFINITY;
const none = new Map<string, boolean>();

const lab = graphOf(
  [
    node("h", { Type: "host" }),
    node("ns1", { Type: "netns" }),
    node("ns2", { Type: "netns" }),
    node("br", { Type: "bridge" }),
    node("v1"),
    node("v2"),
    node("e1"),
    node("e2"),
  ],
  [
    edge("h", "ns1"),
    edge("h", "ns2"),
    edge("h", "br"),
    edge("h", "v1"),
    edge("h", "v2"),
    edge("ns1", "e1"),
    edge("ns2", "e2"),
    edge("br", "v1", "layer2"),
    edge("br", "v2", "layer2"),
    edge("v1", "e1", "layer2"),
    edge("v2", "e2", "layer2"),
  ],
);

it("nests interfaces in namespaces in hosts", () => {
  const view = project(lab, ALL, none);

  expect(view.nodes.get("e1")).toMatchObject({ parent: "ns1" });
  expect(view.nodes.get("ns1")).toMatchObject({ parent: "h", group: "open" });
  expect(view.hidden).toBe(0);
});

it("counts what a closed group hides", () => {
  const view = project(lab, 1, none);

  expect(view.nodes.get("ns1")).toMatchObject({ group: "closed", holds: 1 });
  expect([view.total, view.hidden, view.closedGroups]).toEqual([8, 2, 2]);
});

it("ends edges at the closed group that hides their node", () => {
  const ends = [...project(lab, 1, none).edges.values()].map(({ source, target }) => `${source}-${target}`);

  expect(ends).toContain("v1-ns1");
});

it("draws several edges into a closed group as one, with their number", () => {
  const view = project(lab, ALL, new Map([["h", false]]));

  expect([...view.nodes.keys()]).toEqual(["h"]);
  expect(view.edges.size).toBe(0);

  const two = graphOf(
    [node("a"), node("g", { Type: "netns" }), node("x"), node("y")],
    [edge("g", "x"), edge("g", "y"), edge("a", "x", "layer2"), edge("a", "y", "layer2")],
  );
  const line = [...project(two, 0, none).edges.values()][0];

  expect(line).toMatchObject({ source: "a", target: "g", count: 2 });
});

it("lets the user's choice win over the automatic depth", () => {
  expect(project(lab, 1, new Map([["ns1", true]])).nodes.has("e1")).toBe(true);
});

it("does not draw a line between a node and the group around it", () => {
  const graph = graphOf([node("br"), node("p")], [edge("br", "p"), edge("br", "p", "layer2")]);

  expect(project(graph, ALL, none).edges.size).toBe(0);
});

it("survives ownership that runs in a circle", () => {
  const graph = graphOf([node("a"), node("b")], [edge("a", "b"), edge("b", "a")]);

  expect([...project(graph, ALL, none).nodes.keys()].sort()).toEqual(["a", "b"]);
});

it("leaves an edge out whose end is unknown", () => {
  expect(project(graphOf([node("a")], [edge("a", "?", "layer2")]), ALL, none).edges.size).toBe(0);
});

it("names the groups that must open for a node to be seen", () => {
  expect(groupsAround(lab, "e1")).toEqual(["h", "ns1"]);
});

it("opens less of a larger graph", () => {
  expect([100, 2000, 50_000].map(automaticDepth)).toEqual([ALL, 1, 0]);
});

it("shows new metadata in a structure that stayed", () => {
  const before = graphOf([node("a", { State: "UP" })]);
  const update = { ID: "a", UpdatedAt: 2000, Revision: 2, Ops: [{ Type: 1 as const, Key: "State", Value: "DOWN" }] };
  const nothing = new Map<string, boolean>();

  const views = [before, reduceGraph(before, [{ kind: "graph", change: { type: "NodePartiallyUpdated", update } }])].map(
    (graph) => project(graph, 1, nothing),
  );

  expect(views.map((view) => view.nodes.get("a")?.node.Metadata["State"])).toEqual(["UP", "DOWN"]);
});

it("opens the group that was chosen in a structure that stayed", () => {
  const graph = graphOf([node("h"), node("a")], [edge("h", "a")]);

  const shown = [new Map([["h", false]]), new Map([["h", true]])].map((chosen) => [...project(graph, 0, chosen).nodes.keys()]);

  expect(shown).toEqual([["h"], ["h", "a"]]);
});

it("shows of a query's findings only what they are inside of, and the links among them", () => {
  const only = { nodes: new Set(["e1", "v1", "gone"]), edges: new Set(["v1-layer2-e1"]) };
  const view = project(lab, ALL, none, only);

  expect([...view.nodes.keys()].sort()).toEqual(["e1", "h", "ns1", "v1"]);
  expect([...view.edges.keys()]).toEqual(["v1-layer2-e1"]);
  expect([view.total, view.filtered, view.hidden]).toEqual([8, 4, 0]);
});

it("counts in a closed group only what a query finds", () => {
  const view = project(lab, 0, none, { nodes: new Set(["e1", "e2"]), edges: new Set() });

  expect(view.nodes.get("h")).toMatchObject({ group: "closed", holds: 4 });
  expect(view.filtered).toBe(3);
});

it("forgets a query when it is taken away", () => {
  project(lab, ALL, none, { nodes: new Set(), edges: new Set() });

  expect(project(lab, ALL, none).nodes.size).toBe(8);
});

it("lets a closed group stand out for what it hides", () => {
  const view = project(lab, 1, none);
  const found = foundIn(view, { nodes: new Set(["e1", "v1"]), edges: new Set(["v1-layer2-e1"]) });

  expect([...found.nodes].sort()).toEqual(["ns1", "v1"]);
  expect(found.edges.size).toBe(1);
});

/** A host with so many interfaces. */
function grown(number: number): ReturnType<typeof graphOf> {
  const interfaces = Array.from({ length: number }, (_, at) => node(`i${at}`));
  return graphOf([node("h", { Type: "host" }), ...interfaces], interfaces.map(({ ID: id }) => edge("h", id)));
}

it("closes groups of a graph that was small when it came and has become too much to draw", () => {
  const { view, depth } = projectWithin(grown(20_000), automaticDepth(0), none);

  expect([view.nodes.size, depth]).toEqual([1, 0]);
});

it("leaves groups open when a graph grows by what can be drawn", () => {
  const { view, depth } = projectWithin(grown(2600), automaticDepth(0), none);

  expect([view.nodes.size, depth]).toEqual([2601, ALL]);
});
