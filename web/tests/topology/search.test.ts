// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "vitest";
import { search } from "../../src/topology/search";
import { node } from "../builders";

const nodes = [
  node("1", { Name: "eth0", IPV4: ["10.0.0.1/24"], MAC: "52:54:00:aa:bb:cc" }),
  node("2", { Name: "eth", IPV4: ["10.0.0.10/24"] }),
  node("3", { Name: "veth9", ExtID: { "vm-id": "6f1f-2d" } }),
];
const found = (wanted: string): string[] => search(nodes, wanted, 10).map(({ node: hit }) => hit.ID);

it("prefers the exact name, then names that begin with it, then the rest", () => {
  expect(found("eth")).toEqual(["2", "1", "3"]);
});

it("takes an address without its prefix length as exact", () => {
  expect(found("10.0.0.1")).toEqual(["1", "2"]);
});

it.each([
  ["52:54:00:AA", "1"],
  ["6f1f-2d", "3"],
  ["2", "2"],
])("finds %s", (wanted, id) => {
  expect(found(wanted)[0]).toBe(id);
});

it("says in which field it was found", () => {
  expect(search(nodes, "6f1f", 1)[0]).toMatchObject({ field: "ExtID.vm-id", value: "6f1f-2d" });
});

it("finds nothing for blanks", () => {
  expect(found("   ")).toEqual([]);
});
