// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "vitest";
import { linkTraffic, ratesNow, trafficOf } from "../../src/topology/traffic";
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

it("takes an interface for silent whose host has told of others several times since", () => {
  const graph = graphOf([node("busy", {}, { Host: "h" }), node("paused", {}, { Host: "h" }), node("was", {}, { Host: "h" })]);
  const sample = (last: number) => ({ bitsPerSecond: 8, start: last - 5000, last });
  const samples = new Map([["busy", sample(100_000)], ["paused", sample(90_000)], ["was", sample(80_000)]]);

  // By the clock of the server, which is 40 seconds ahead of the host's.
  expect(Object.fromEntries(ratesNow(samples, graph, 140_000))).toEqual({ busy: 8, paused: 8, was: 0 });
});

it("takes everything for silent that nothing was told of for a minute", () => {
  const graph = graphOf([node("a")]);
  const samples = new Map([["a", { bitsPerSecond: 8, start: 0, last: 5000 }]]);

  expect([...ratesNow(samples, graph, 60_000).values(), ...ratesNow(samples, graph, 66_000).values()]).toEqual([8, 0]);
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
