// SPDX-License-Identifier: Apache-2.0
// @vitest-environment happy-dom
import { beforeEach, expect, it } from "vitest";
import { capturable, chooseNone, chosenIn, isPinned, pins, selection, take, takeAll, togglePins } from "../../src/topology/selection";
import { groupMeant, project } from "../../src/topology/view";
import { edge, graphOf, node } from "../builders";

const lab = graphOf([node("ns", { Type: "netns" }), node("a", { IfIndex: 2 }), node("b", { IfIndex: 3 })], [edge("ns", "a")]);

beforeEach(() => {
  chooseNone();
  pins.keep(new Set(), () => []);
});

it("takes nodes to the others and away from them", () => {
  take("a");
  takeAll(["a", "b", "gone"]);
  expect(chosenIn(lab, selection.get()).map(({ ID: id }) => id)).toEqual(["a", "b"]);
  take("a");
  expect([...selection.get()]).toEqual(["b", "gone"]);
  chooseNone();
  expect(selection.get().size).toBe(0);
});

it("tells which of them can be captured", () => {
  expect(capturable(chosenIn(lab, new Set(["ns", "a"]))).map(({ ID: id }) => id)).toEqual(["a"]);
});

it("pins all of them, or lets go of all that are pinned, and is kept by the browser", () => {
  togglePins(new Set(["a"]));
  expect([isPinned(new Set(["a"])), isPinned(new Set(["a", "b"]))]).toEqual([true, false]);
  togglePins(new Set(["a", "b"]));
  expect(window.localStorage.getItem("netsonde.pins")).toBe('["a","b"]');
  togglePins(new Set(["a", "b"]));
  expect([pins.get().size, isPinned(new Set())]).toEqual([0, false]);
});

it("closes the group around a node, and opens or closes groups themselves", () => {
  const view = project(lab, 9, new Map());

  expect([groupMeant(view, "a", false), groupMeant(view, "ns", false), groupMeant(view, "ns", true)]).toEqual(["ns", "ns", "ns"]);
  expect([groupMeant(view, "a", true), groupMeant(view, "b", false), groupMeant(view, "gone", true)]).toEqual([null, null, null]);
});
