// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "vitest";
import { CELL } from "../../src/topology/placement";
import { arrange } from "../../src/topology/tiers";
import { project } from "../../src/topology/view";
import { edge, graphOf, node } from "../builders";

const interfaces = ["eth0", "eth1", "v1", "v2", "v3"];
const host = node("h", { Type: "host" });
const graph = graphOf(
  [
    host,
    node("br", { Type: "bridge" }),
    node("ns", { Type: "netns" }),
    node("in", { Type: "veth" }),
    ...interfaces.map((id) => node(id, { Type: id.startsWith("v") ? "veth" : "device", IfIndex: 1 })),
  ],
  [
    ...[...interfaces, "br", "ns"].map((id) => edge("h", id)),
    edge("ns", "in"),
    ...["v1", "v2", "v3"].map((id) => edge("br", id, "layer2")),
    edge("v2", "in", "layer2"),
  ],
);
const view = project(graph, Number.POSITIVE_INFINITY, new Map());

it("places every node that is not an open group, each on its own cell", () => {
  const places = arrange(view);

  expect([...places.keys()].sort()).toEqual(["br", "eth0", "eth1", "in", "v1", "v2", "v3"]);
  const all = [...places.values()];
  const near = all.some((a, i) =>
    all.some((b, j) => i < j && Math.abs(a.x - b.x) < CELL.width && Math.abs(a.y - b.y) < CELL.height),
  );
  expect(near).toBe(false);
});

it("sets interfaces above bridges, bridges above their ports, inner groups below", () => {
  const rows = ["eth0", "br", "v1", "in"].map((id) => arrange(view).get(id)?.y ?? 0);

  expect(rows).toEqual([...rows].sort((a, b) => a - b));
  expect(new Set(rows).size).toBe(4);
});

it("lets nobody stand alone below the others of a row", () => {
  const many = Array.from({ length: 6 }, (_, at) => node(`eth${at}`, { IfIndex: at }));
  const flat = graphOf([host, ...many], many.map(({ ID }) => edge("h", ID)));
  const places = arrange(project(flat, Number.POSITIVE_INFINITY, new Map()));
  const heights = [...places.values()].map(({ y }) => y);

  expect(new Set(heights).size).toBe(2);
  expect(heights.filter((y) => y === heights[0])).toHaveLength(3);
});

it("gives the same picture each time", () => {
  expect(arrange(view)).toEqual(arrange(view));
});

it("arranges nothing into nothing", () => {
  expect(arrange(project(graphOf([]), 1, new Map())).size).toBe(0);
});
