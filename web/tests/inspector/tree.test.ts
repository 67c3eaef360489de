// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "vitest";
import { narrowed, queryFor } from "../../src/inspector/tree";

const TREE = {
  Name: "tap1",
  IPV4: ["10.0.0.1/24", "10.0.1.1/24"],
  ExtID: { "vm-id": "web", "iface-id": "p1" },
  Routes: [{ Prefix: "10.0.0.0/24" }, { Prefix: "0.0.0.0/0" }],
};

it.each<[string, object]>([
  ["", TREE],
  ["TAP", { Name: "tap1" }],
  ["extid", { ExtID: TREE.ExtID }],
  ["extid web", { ExtID: { "vm-id": "web" } }],
  ["10.0.1", { IPV4: ["10.0.1.1/24"] }],
  ["prefix 0.0.0.0/0", { Routes: [{ Prefix: "10.0.0.0/24" }, { Prefix: "0.0.0.0/0" }].slice(1) }],
  ["nothing like this", {}],
])("keeps what %j is found in", (filter, found) => {
  expect(narrowed(TREE, filter)).toEqual(found);
});

it("asks for nodes with a value by its path, with quotes escaped", () => {
  expect(queryFor(["ExtID", "vm-id"], "it's")).toBe("G.V().Has('ExtID.vm-id', 'it\\'s')");
  expect(queryFor(["MTU"], 1500)).toBe("G.V().Has('MTU', 1500)");
});

it("asks nothing that the language could not say", () => {
  expect([queryFor(["Labels", "a.b"], "x"), queryFor(["A"], null), queryFor(["A"], ["x"])]).toEqual(["", "", ""]);
});
