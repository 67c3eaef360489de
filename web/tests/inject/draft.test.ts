// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "vitest";
import { bytesOfHex, toBase64 } from "../../src/inject/bytes";
import { blank, lacks, toRequest } from "../../src/inject/draft";
import { KINDS } from "../../src/inject/kinds";
import { node } from "../builders";

const source = node("a", { TID: "t1", IfIndex: 1 });
const target = node("b", { TID: "t2" });
const FRAME = "ff:ff:ff:ff:ff:ff 02 00 00 00 00 01 88b5";

it("sends only what was said, and leaves the addresses that it shows to the server", () => {
  expect(toRequest(blank, source, target)).toEqual({
    Src: "G.V().Has('TID', 't1')",
    Dst: "G.V().Has('TID', 't2')",
    Type: "icmp4",
    Size: 56,
    Count: 5,
    Interval: 200,
    Timeout: 1000,
    TTL: 64,
  });
});

it("sends headers, ports and payload as they were given", () => {
  const state = {
    ...blank,
    type: "udp4",
    srcIP: "10.0.0.1",
    dstIP: " 10.0.0.2 ",
    dstPort: "53",
    payload: "hello",
    vlan: "42",
    vlanPriority: "5",
    dscp: "46",
    dontFragment: true,
    inbound: true,
  };
  expect(toRequest(state, source, undefined)).toMatchObject({
    SrcIP: "10.0.0.1",
    DstIP: "10.0.0.2",
    DstPort: 53,
    Payload: "hello",
    VLAN: 42,
    VLANPriority: 5,
    DSCP: 46,
    DontFragment: true,
    Inbound: true,
  });
  expect(toRequest(state, source, undefined)).not.toHaveProperty("Size");
  expect(toRequest({ ...state, type: "icmp4" }, source, undefined)).not.toHaveProperty("DstPort");
});

it("sends frames and files as bytes, and none of the headers that they bring", () => {
  const raw = toRequest({ ...blank, type: "raw", frame: FRAME, dstIP: "10.0.0.1" }, source, target);
  expect(raw).toEqual({ Src: "G.V().Has('TID', 't1')", Type: "raw", Frame: "////////AgAAAAABiLU=", Count: 5, Interval: 200, Timeout: 1000 });
  const file = toRequest({ ...blank, type: "pcap", file: { name: "x", base64: "AAAA" }, timeScale: "2" }, source, undefined);
  expect(file).toMatchObject({ Pcap: "AAAA", TimeScale: 2, Count: 0, Interval: 0 });
});

it("sends no target with what goes to all", () => {
  expect(toRequest({ ...blank, type: "dhcp4", dstIP: "10.0.0.1" }, source, target)).not.toHaveProperty("DstIP");
});

it("says what is lacking", () => {
  const lacking = (part: Partial<typeof blank>) => lacks({ ...blank, ...part }, source, undefined);
  expect(lacks(blank, undefined, target)).toMatch(/interface/);
  expect(lacking({})).toMatch(/where to/);
  expect(lacking({ dstIP: "10.0.0.1" })).toBe("");
  expect(lacking({ type: "dhcp4" })).toBe("");
  expect(lacking({ type: "dns4", dstIP: "10.0.0.1" })).toMatch(/name/);
  expect(lacking({ type: "raw", frame: "ff" })).toMatch(/frame/);
  expect(lacking({ type: "raw", frame: FRAME })).toBe("");
  expect(lacking({ type: "pcap" })).toMatch(/file/);
});

it.each(["", "ff", "zz".repeat(14), "f".repeat(29), "ff ".repeat(13)])("takes %j for no frame", (text) => {
  expect(bytesOfHex(text)).toBeNull();
});

it("encodes more bytes than a call may have arguments", () => {
  expect(toBase64(new Uint8Array(200_000))).toHaveLength(Math.ceil(200_000 / 3) * 4);
});

it("offers each type once", () => {
  expect(new Set(KINDS.map((kind) => kind.type)).size).toBe(KINDS.length);
});
