// SPDX-License-Identifier: Apache-2.0
// @vitest-environment happy-dom
import { expect, it } from "vitest";
import { formatPlace, home, parsePlace } from "../../src/state/place";

it("survives the way through the address", () => {
  const there = { ...home, tab: "node", node: "a&b=c", view: "metrics", filter: "tcp 10.0.0.1", q: "G.V() // 1+1", show: "json" } as const;

  expect(parsePlace(formatPlace(there))).toEqual(there);
});

it("keeps the address of the start clean", () => {
  expect(formatPlace(home)).toBe("");
});

it("falls back to the start for tabs and views that do not exist", () => {
  expect(parsePlace("?tab=evil&view=%3Cscript%3E&show=html")).toEqual(home);
});
