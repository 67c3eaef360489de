// SPDX-License-Identifier: Apache-2.0
// @vitest-environment happy-dom
import { expect, it } from "vitest";
import { readHistory, saveHistory, withQuery } from "../../src/console/history";

it("keeps each query once, the newest first, and not without end", () => {
  let history: string[] = [];
  for (let at = 0; at < 80; at += 1) history = withQuery(history, `G.V().Limit(${at})`);
  history = withQuery(history, "G.V().Limit(40)");

  expect(history).toHaveLength(50);
  expect(history[0]).toBe("G.V().Limit(40)");
  expect(new Set(history).size).toBe(50);
});

it("survives the browser's storage, and whatever else is in it", () => {
  saveHistory(["G.V()"], window.localStorage);
  expect(readHistory(window.localStorage)).toEqual(["G.V()"]);
  window.localStorage.setItem("netsonde.queries", '{"no": "list"}');
  expect(readHistory(window.localStorage)).toEqual([]);
  window.localStorage.setItem("netsonde.queries", "rubbish");
  expect(readHistory(window.localStorage)).toEqual([]);
});
