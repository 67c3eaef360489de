// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "vitest";
import { placeNewcomers } from "../../src/topology/newcomers";
import { CELL, type Point } from "../../src/topology/placement";
import { project, type View } from "../../src/topology/view";
import type { Edge, Node } from "../../src/api/types";
import { edge, graphOf, node } from "../builders";

const viewOf = (nodes: Node[], edges: Edge[]): View =>
  project(graphOf(nodes, edges), Number.POSITIVE_INFINITY, new Map());

const host = node("h", { Type: "host" });
const before = new Map<string, Point>([
  ["a", { x: 0, y: 0 }],
  ["b", { x: 2 * CELL.width, y: 0 }],
]);

it("moves nothing that has a place", () => {
  const view = viewOf([host, node("a"), node("b"), node("c")], ["a", "b", "c"].map((id) => edge("h", id)));

  expect([...placeNewcomers(view, before).keys()]).toEqual(["c"]);
});

it("places a node beside the one it is linked with", () => {
  const view = viewOf(
    [host, node("a"), node("b"), node("c")],
    [...["a", "b", "c"].map((id) => edge("h", id)), edge("b", "c", "layer2")],
  );
  const place = placeNewcomers(view, before).get("c");

  expect(place).toMatchObject({ y: 0 });
  expect(Math.abs((place?.x ?? 0) - 2 * CELL.width)).toBe(CELL.width);
});

it("keeps what comes at once outside and inside of a new namespace apart", () => {
  const view = viewOf(
    [host, node("a"), node("ns", { Type: "netns" }), node("in1"), node("in2"), node("out1"), node("out2")],
    [
      ...["a", "ns", "out1", "out2"].map((id) => edge("h", id)),
      ...["in1", "in2"].map((id) => edge("ns", id)),
      edge("out1", "in1", "layer2"),
    ],
  );
  const places = placeNewcomers(view, new Map([["a", { x: 0, y: 0 }]]));
  const inside = ["in1", "in2"].map((id) => places.get(id) ?? { x: NaN, y: NaN });
  const frame = {
    x1: Math.min(...inside.map(({ x }) => x)) - CELL.width / 2,
    x2: Math.max(...inside.map(({ x }) => x)) + CELL.width / 2,
    y1: Math.min(...inside.map(({ y }) => y)) - CELL.height / 2,
    y2: Math.max(...inside.map(({ y }) => y)) + CELL.height / 2,
  };
  const within = ["out1", "out2"].filter((id) => {
    const { x, y } = places.get(id) ?? { x: NaN, y: NaN };
    return x > frame.x1 && x < frame.x2 && y > frame.y1 && y < frame.y2;
  });

  expect(places.size).toBe(4);
  expect(within).toEqual([]);
});

it("puts the first interfaces of a namespace where the namespace was", () => {
  const view = viewOf([host, node("ns", { Type: "netns" }), node("in")], [edge("h", "ns"), edge("ns", "in")]);

  expect(placeNewcomers(view, new Map([["ns", { x: 500, y: 300 }]])).get("in")).toEqual({ x: 500, y: 300 });
});

it("has places for a graph of which nothing is known", () => {
  const view = viewOf([host, node("a"), node("b")], [edge("h", "a"), edge("h", "b")]);

  expect(new Set([...placeNewcomers(view, new Map()).values()].map(({ x, y }) => `${x},${y}`)).size).toBe(2);
});
