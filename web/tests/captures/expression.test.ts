// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "vitest";
import { asCommand, asCurl, expressionFor, expressionForAll } from "../../src/captures/expression";
import { definitionOf } from "../../src/captures/definition";
import { capture, node } from "../builders";

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

const limited = capture("c", {
  GremlinQuery: "G.V()",
  Description: "what it is for",
  MaxBytes: 1_000_000,
  RawPacketLimit: 0,
  StopOnUnmatch: false,
  ReassembleTCP: true,
  FirstPackets: 5,
  Paused: true,
  Sinks: [{ Type: "ipfix", Target: "192.0.2.1:4739", Subject: "", ID: 7, RotateBytes: 0, RotatePackets: 0, RotateDuration: 0, TotalBytes: 2 ** 30 }],
});

it("copies a capture with its limits and where it is sent on to", () => {
  expect(asCommand(definitionOf(limited), 0)).toBe(
    "netsonde capture create --gremlin 'G.V()' --description 'what it is for' --first-packets '5' --raw-packet-limit '0' " +
      "--max-bytes '1000000' --sink 'ipfix:Target=192.0.2.1:4739,ID=7' --tcp --keep-on-unmatch",
  );
  expect(definitionOf(limited)).toEqual({
    GremlinQuery: "G.V()",
    Description: "what it is for",
    MaxBytes: 1_000_000,
    RawPacketLimit: 0,
    StopOnUnmatch: false,
    ReassembleTCP: true,
    FirstPackets: 5,
    Sinks: limited.Sinks,
  });
});

it("gives no command that would make another capture", () => {
  expect(asCommand(definitionOf({ ...limited, IPDefrag: true }), 0)).toBe("");
});
