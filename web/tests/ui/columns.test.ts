// SPDX-License-Identifier: Apache-2.0
// @vitest-environment happy-dom
import { expect, it } from "vitest";
import { choicesFor, shownOf, turned } from "../../src/ui/columns";

const columns = [{ id: "a" }, { id: "b" }, { id: "c", optional: true }];
const ids = (of: readonly { id: string }[]): string[] => of.map(({ id }) => id);

it("shows what is wanted, and of the rest what comes by itself", () => {
  expect(ids(shownOf(columns, new Map()))).toEqual(["a", "b"]);
  expect(ids(shownOf(columns, new Map([["a", false], ["c", true], ["gone", true]])))).toEqual(["b", "c"]);
});

it("never shows a table without columns", () => {
  expect(ids(shownOf(columns, new Map([["a", false], ["b", false]])))).toEqual(["a"]);
});

it("keeps only what differs from the default", () => {
  const without = turned(new Map(), { id: "a" }, false);

  expect([...without]).toEqual([["a", false]]);
  expect(turned(without, { id: "a" }, true).size).toBe(0);
  expect([...turned(new Map(), { id: "c", optional: true }, true)]).toEqual([["c", true]]);
});

it("does not grow without end", () => {
  let choices = turned(new Map(), { id: "0" }, false);
  for (let at = 1; at < 500; at += 1) choices = turned(choices, { id: String(at) }, false);

  expect([choices.size, choices.has("499"), choices.has("0")]).toEqual([300, true, false]);
});

it("makes nothing of what is not ours in the browser's storage", () => {
  window.localStorage.setItem("netsonde.columns.strange", '[["a", false], ["b"], 3, ["c", "x"]]');
  window.localStorage.setItem("netsonde.columns.stranger", '{"a": false}');

  expect([...choicesFor("strange").get()]).toEqual([["a", false]]);
  expect(choicesFor("stranger").get().size).toBe(0);
});
