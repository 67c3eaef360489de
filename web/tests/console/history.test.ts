// SPDX-License-Identifier: Apache-2.0
// @vitest-environment happy-dom
import { expect, it } from "vitest";
import { history, remember, withQuery } from "../../src/console/history";

it("keeps each query once, the newest first, and not without end", () => {
  let known: string[] = [];
  for (let at = 0; at < 80; at += 1) known = withQuery(known, `G.V().Limit(${at})`);
  known = withQuery(known, "G.V().Limit(40)");

  expect(known).toHaveLength(50);
  expect(known[0]).toBe("G.V().Limit(40)");
  expect(new Set(known).size).toBe(50);
});

it("survives in the browser's storage", () => {
  remember("G.V()");

  expect(JSON.parse(window.localStorage.getItem("netsonde.queries") ?? "")).toContain("G.V()");
});

it("loses no query that was run in another tab", () => {
  history.keep(["mine"]);
  window.localStorage.setItem("netsonde.queries", '["theirs", "mine"]');
  window.dispatchEvent(new StorageEvent("storage", { key: "netsonde.queries" }));
  remember("next");

  expect(history.get()).toEqual(["next", "theirs", "mine"]);
});
