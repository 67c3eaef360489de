// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "vitest";
import { isGroup, kindOf, linkState, nameOf, shortName } from "../../src/topology/appearance";
import { node } from "../builders";

it.each([
  ["host", "host"],
  ["ovsbridge", "bridge"],
  ["tuntap", "tap"],
  ["geneve", "tunnel"],
  ["vm", "vm"],
  ["switchport", "port"],
  ["constructor", "other"],
  ["something new", "other"],
])("shows Type %s as %s", (type, kind) => {
  expect(kindOf(node("a", { Type: type }))).toBe(kind);
});

it("keeps room for what is inside, as the probe says", () => {
  const groups = ["host", "netns", "container", "vm"].filter((type) => isGroup(node("a", { Type: type })));
  expect(groups).toEqual(["host", "netns", "container"]);
});

it("knows an interface of unknown type by its index", () => {
  expect(kindOf(node("a", { Type: "netkit", IfIndex: 7 }))).toBe("interface");
});

it("tells an interface that is switched off from one without a link", () => {
  const off = node("a", { State: "DOWN", LinkFlags: ["BROADCAST"] });
  const nocarrier = node("a", { State: "DOWN", LinkFlags: ["UP"] });

  expect([linkState(off), linkState(nocarrier)]).toEqual(["off", "nocarrier"]);
});

it("takes the unknown state of a loopback that is on as up", () => {
  expect(linkState(node("a", { State: "UNKNOWN", LinkFlags: ["UP"] }))).toBe("up");
});

it("has a name for a node without one", () => {
  expect(nameOf(node("0123456789", { Name: 7 }))).toBe("01234567");
});

it("lets no name look like another, by turning its letters round or hiding some", () => {
  expect(nameOf(node("n", { Name: "\u202e0hte" }))).toBe("\ufffd0hte");
  expect(nameOf(node("n", { Name: "eth\u200b0\n" }))).toBe("eth\ufffd0\ufffd");
  expect(nameOf(node("n", { Name: "öst-бр-東" }))).toBe("öst-бр-東");
});

it("shows the beginning of a name that is no name", () => {
  expect(nameOf(node("n", { Name: "x".repeat(1_000_000) }))).toHaveLength(201);
});

it("keeps both ends of a long name", () => {
  expect(shortName("veth0123456789abcdef", 11)).toBe("veth0…bcdef");
});
