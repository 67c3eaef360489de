// SPDX-License-Identifier: Apache-2.0
// @vitest-environment happy-dom
import { expect, it } from "vitest";
import { Kept, texts } from "../../src/state/kept";

const list = (): Kept<string[]> => new Kept("netsonde.list", (kept) => texts(kept, 3), ["none"]);

it("is there at the next visit", () => {
  list().keep(["a", "b"]);

  expect(list().get()).toEqual(["a", "b"]);
});

it.each([
  ["rubbish", ["none"]],
  ['{"no": "list"}', []],
  ['[3, "a", null, "b", "c", "d"]', ["a", "b", "c"]],
])("makes of %s in the storage: %j", (kept, found) => {
  window.localStorage.setItem("netsonde.list", kept);

  expect(list().get()).toEqual(found);
});

it("goes on without a storage", () => {
  const refuse = (): never => {
    throw new Error("forbidden");
  };
  const kept = new Kept("netsonde.list", (one) => texts(one, 3), ["none"], { getItem: refuse, setItem: refuse });
  kept.keep(["a"]);

  expect(kept.get()).toEqual(["a"]);
});
