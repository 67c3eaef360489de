// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "vitest";
import { covers, macOf, sourceAddress, targetAddress } from "../../src/inject/addresses";
import { node } from "../builders";

it.each([
  ["10.0.0.1/24", "10.0.0.200", true],
  ["10.0.0.1/24", "10.0.1.1", false],
  ["10.0.0.1/0", "192.0.2.1", true],
  ["10.0.0.1", "10.0.0.1", true],
  ["fd00::1/64", "fd00::ffff:1", true],
  ["fd00::1/64", "fd00:0:0:1::1", false],
  ["::/0", "1:2:3:4:5:6:7:8", true],
  ["10.0.0.1/24", "::1", false],
  ["10.0.0.1/24", "", false],
  ["10.0.0.256/8", "10.0.0.1", false],
  ["fd00::1::2/8", "fd00::1", false],
  ["1:2:3:4:5:6:7:8:9/8", "1::", false],
  ["10.0.0.1/33", "10.0.0.1", false],
  ["10.0.0.1/-1", "10.0.0.1", false],
  ["10.0.0.1/x", "10.0.0.1", false],
  ["nonsense", "10.0.0.1", false],
])("%s covers %s: %s", (prefix, address, expected) => {
  expect(covers(prefix, address)).toBe(expected);
});

it("sends from the address in the target's network, else from one that reaches beyond the link", () => {
  const many = node("a", { IPV4: ["169.254.0.1/16", "10.0.0.1/24", "192.0.2.1/24"], IPV6: ["fe80::1/64"] });
  expect(sourceAddress(many, 4, "192.0.2.9")).toBe("192.0.2.1");
  expect(sourceAddress(many, 4, "8.8.8.8")).toBe("10.0.0.1");
  expect(sourceAddress(many, 4, "")).toBe("10.0.0.1");
  expect(sourceAddress(many, 6, "fd00::1")).toBe("fe80::1");
  expect(sourceAddress(undefined, 4, "")).toBe("");
});

it("prefers what Neutron says, and the guest's MAC address", () => {
  const tap = node("tap", {
    MAC: "fe:00:00:00:00:01",
    IPV4: ["192.0.2.1/24"],
    Neutron: { IPV4: ["10.0.0.5/24"] },
    ExtID: { "attached-mac": "02:00:00:00:00:01" },
  });
  expect([targetAddress(tap, 4), macOf(tap)]).toEqual(["10.0.0.5", "02:00:00:00:00:01"]);
});

it("takes metadata of any shape", () => {
  const strange = node("x", { IPV4: "10.0.0.1", Neutron: ["x"], ExtID: null, MAC: 5 });
  expect([targetAddress(strange, 4), macOf(strange)]).toEqual(["", ""]);
});
