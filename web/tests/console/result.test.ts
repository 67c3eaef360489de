// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "vitest";
import { cellOf, cellText, columnsOf } from "../../src/console/columns";
import { toCsv } from "../../src/console/csv";
import { subGraph, toResult } from "../../src/console/result";
import { edge, graphOf, node } from "../builders";

const veth = node("v0", { TID: "t0", MTU: 1500, IPV4: ["10.0.0.1/24", "10.0.0.2/24"], ExtID: { "vm.id": "x" } });
const peer = node("v1", { TID: "t1", MTU: 9000 });
const live = graphOf([veth, peer, node("other")], [edge("v0", "v1", "layer2"), edge("v0", "other", "layer2")]);

const titles = (kind: string, value: unknown) => columnsOf(toResult(kind, value as never).rows).map((column) => column.title);

it("lays nodes out with what people look for first and what only identifies last", () => {
  const found = titles("nodes", [veth, peer]);

  expect(found.slice(0, 3)).toEqual(["Name", "Type", "@Host"]);
  expect(found).toContain("ExtID.vm.id");
  expect(found.indexOf("@ID")).toBeGreaterThan(found.indexOf("ExtID.vm.id"));
});

it("reads a cell by its path, dots of its own included", () => {
  const { rows } = toResult("nodes", [veth] as never);
  const cell = (title: string) =>
    columnsOf(rows).flatMap((column) => (column.title === title ? rows.map((row) => cellText(cellOf(row, column))) : []));

  expect(cell("ExtID.vm.id")).toEqual(["x"]);
  expect(cell("IPV4")).toEqual(["10.0.0.1/24, 10.0.0.2/24"]);
});

it("does not find what every object has", () => {
  expect(cellOf({ id: "0", data: {} }, { title: "constructor", path: ["constructor"], numeric: false, longest: 0 })).toBeUndefined();
});

it("shows paths, series, values and a single value as rows", () => {
  expect(toResult("paths", [[veth, peer]] as never).rows[0]?.data).toEqual({ Path: "v0 → v1", Nodes: 2 });
  expect(toResult("metrics", [{ n1: [{ RxBytes: 5 }, { RxBytes: 6 }] }]).rows.map((row) => row.data["RxBytes"])).toEqual([5, 6]);
  expect(toResult("values", ["a", { b: 1 }]).rows.map((row) => row.data)).toEqual([{ Value: "a" }, { b: 1 }]);
  expect(toResult("value", 3).rows.map((row) => row.data)).toEqual([{ Value: 3 }]);
  expect(toResult("nodes", null).rows).toEqual([]);
});

it("draws nodes with the links that are between them", () => {
  const part = subGraph(toResult("nodes", [veth, peer] as never), live);

  expect([...part.nodes.keys()]).toEqual(["v0", "v1"]);
  expect([...part.edges.keys()]).toEqual(["v0-layer2-v1"]);
});

it("draws edges with their ends, flows by where they were captured, a graph as it is", () => {
  expect([...subGraph(toResult("edges", [edge("v0", "v1")] as never), live).nodes.keys()]).toEqual(["v0", "v1"]);
  expect([...subGraph(toResult("flows", [{ NodeTID: "t1" }]), live).nodes.keys()]).toEqual(["v1"]);
  const past = toResult("graph", [{ Nodes: [veth, peer], Edges: null }] as never);
  expect(subGraph(past, live).edges.size).toBe(0);
});

it("survives answers of a shape that was not promised", () => {
  for (const kind of ["nodes", "edges", "graph", "paths", "flows", "metrics", "packets", "values", "value", "new"]) {
    for (const value of [null, 1, "x", [], [1], [[1]], {}, [{ Nodes: 3 }], [null]]) {
      expect(toResult(kind, value as never).rows.length).toBeLessThan(3);
    }
  }
});

it("quotes CSV and keeps texts of the network from becoming formulas", () => {
  const rows = toResult("values", [{ a: 'say "hi", you', b: -5 }, { a: "=1+1", b: null, c: "-x" }]).rows;

  expect(toCsv(rows)).toBe('a,b,c\r\n"say ""hi"", you",-5,\r\n\'=1+1,null,\'-x\r\n');
});
