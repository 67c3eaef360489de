// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "vitest";
import { linkTraffic, trafficOf } from "../../src/topology/traffic";
import { deepestWithin, project } from "../../src/topology/view";
import { edge, graphOf, node } from "../builders";

const bridge = graphOf([node("br"), node("tap"), node("ns"), node("in")], [edge("br", "tap", "layer2"), edge("ns", "in")]);

it("measures a link at its port, not at its bridge", () => {
  const view = project(bridge, Number.POSITIVE_INFINITY, new Map());

  const traffic = linkTraffic(view, bridge, new Map([["br", 9e6], ["tap", 2e6]]));

  expect([...traffic]).toEqual([["br-layer2-tap", expect.objectContaining({ label: "2.00 Mbit/s" })]]);
});

it("says nothing on a link of which neither end was measured", () => {
  const view = project(bridge, Number.POSITIVE_INFINITY, new Map());

  expect(linkTraffic(view, bridge, new Map([["in", 1]])).size).toBe(0);
});

it.each([
  [0, 1000, "idle"],
  [5e8, 1000, "busy"],
  [8e8, 1000, "full"],
  [8e8, 0, "none"],
  [8e8, "fast", "none"],
])("calls %d bit/s of a speed of %j Mbit/s %s", (rate, speed, load) => {
  expect(trafficOf(rate, node("a", { Speed: speed })).load).toBe(load);
});

it("opens groups as deep as the canvas bears", () => {
  const graph = graphOf(
    [node("h"), node("a"), node("b"), node("a1"), node("a2")],
    [edge("h", "a"), edge("h", "b"), edge("a", "a1"), edge("a", "a2")],
  );

  expect([0, 2, 4, 5].map((most) => deepestWithin(graph, most))).toEqual([0, 0, 1, Number.POSITIVE_INFINITY]);
});
