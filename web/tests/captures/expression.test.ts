// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "vitest";
import { asCommand, asCurl, expressionFor, expressionForAll } from "../../src/captures/expression";
import { node } from "../builders";

const first = node("a", { TID: "t1" });
const second = node("b", { TID: "t2" });

it("captures one node by its TID", () => {
  expect(expressionFor(first, null)).toBe("G.V().Has('TID', 't1')");
});

it("captures the layer-2 path between two nodes", () => {
  expect(expressionFor(first, second)).toBe(
    "G.V().Has('TID', 't1').ShortestPathTo(Metadata('TID', 't2'), Metadata('RelationType', 'layer2'))",
  );
});

it("does not let a value of the network end the string it stands in", () => {
  const hostile = node("a", { TID: "x').Drop('" });

  expect(expressionFor(hostile, null)).toBe("G.V().Has('TID', 'x\\').Drop(\\'')");
});

it("captures several nodes by one expression, by their TIDs where all have one", () => {
  expect(expressionForAll([first])).toBe("G.V().Has('TID', 't1')");
  expect(expressionForAll([first, node("x", { TID: "it's" })])).toBe("G.V().Has('TID', Within('t1', 'it\\'s'))");
  expect(expressionForAll([first, node("x")])).toBe("G.V().Has('@ID', Within('a', 'x'))");
});

it("quotes commands for the shell", () => {
  const draft = { GremlinQuery: "G.V().Has('Name', 'eth0')", Name: "it's" };

  expect(asCommand(draft, 60)).toBe(
    "netsonde capture create --gremlin 'G.V().Has('\\''Name'\\'', '\\''eth0'\\'')' --name 'it'\\''s' --ttl '60s'",
  );
  expect(asCurl(draft, 60, "http://h/")).toContain("-H 'X-Resource-TTL: 60s'");
});
