// SPDX-License-Identifier: Apache-2.0
// @vitest-environment happy-dom
import { expect, it } from "vitest";
import { favourites, toggled, toggleFavourite } from "../../src/topology/favourites";

it("keeps each favourite once, the newest first, and not without end", () => {
  let known: readonly string[] = [];
  for (let at = 0; at < 80; at += 1) known = toggled(known, `G.V().Limit(${at})`);

  expect([known.length, known[0]]).toEqual([50, "G.V().Limit(79)"]);
  expect(toggled(known, "G.V().Limit(79)")[0]).toBe("G.V().Limit(78)");
  expect(toggled([], "")).toEqual([]);
});

it("is kept by the browser until it is let go", () => {
  toggleFavourite("G.V()");
  expect([favourites.get(), window.localStorage.getItem("netsonde.mapQueries")]).toEqual([["G.V()"], '["G.V()"]']);
  toggleFavourite("G.V()");
  expect(window.localStorage.getItem("netsonde.mapQueries")).toBe("[]");
});
