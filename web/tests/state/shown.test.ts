// SPDX-License-Identifier: Apache-2.0
// @vitest-environment happy-dom
import { expect, it } from "vitest";
import { edgesOf, formatLink, MOST_NAMED, parseLink } from "../../src/state/link";
import { difference } from "../../src/state/shown";
import { edge, graphOf, node } from "../builders";

it("tells which nodes have gone since a moment, and how many have come", () => {
  const before = graphOf([node("a"), node("b"), node("c")]);
  const now = graphOf([node("b"), node("d"), node("e")]);

  const since = difference(before, now);

  expect([[...since.gone], since.come]).toEqual([["a", "c"], 2]);
});

it("names the first edges of a line that stands for many, and says how many more there are", () => {
  const ids = Array.from({ length: MOST_NAMED + 5 }, (_, at) => `e${at}`);

  expect(parseLink(formatLink(ids, 143))).toEqual({ edges: ids.slice(0, MOST_NAMED), more: 143 - MOST_NAMED });
  expect(parseLink(formatLink(["e1"], 1))).toEqual({ edges: ["e1"], more: 0 });
});

it.each(["", ",", "+", "+-3", "x,+1e999"])("makes no edge of the address %j", (link) => {
  expect(edgesOf(graphOf([node("a"), node("b")], [edge("a", "b")]), link)).toEqual([]);
  expect(parseLink(link).more).toBe(0);
});
