// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "vitest";
import type { Flow } from "../../src/api/shapes";
import { filterRows, toRow } from "../../src/flows/rows";

const dns: Flow = {
  UUID: "1",
  LayersPath: "Ethernet/IPv6/UDP/DNS",
  Application: "DNS",
  Start: 1,
  Last: 2,
  Network: { Protocol: "IPV6", A: "fe80::1", B: "fe80::2", ID: 0 },
  Transport: { Protocol: "UDP", A: 5353, B: 53, ID: 0 },
  Metric: { ABPackets: 1, ABBytes: 70, BAPackets: 1, BABytes: 130, Start: 1, Last: 2, RTT: 1_500_000 },
  FinishType: 1,
};

it("joins addresses and ports, IPv6 in brackets", () => {
  expect(toRow(dns)).toMatchObject({ a: "[fe80::1]:5353", b: "[fe80::2]:53" });
});

it("adds up bytes and gives the RTT in ms", () => {
  expect(toRow(dns)).toMatchObject({ bytes: 200, bytesAB: 70, bytesBA: 130, rtt: 1.5, state: "timeout" });
});

it("names the protocols", () => {
  expect(toRow(dns)).toMatchObject({ network: "IPV6", transport: "UDP" });
});

it("falls back to MAC addresses and the last layer", () => {
  const link = { Protocol: "ETHERNET", A: "aa:aa", B: "bb:bb", ID: 0 };
  const arp: Flow = { UUID: "2", LayersPath: "Ethernet/ARP", Start: 1, Last: 1, Link: link };

  expect(toRow(arp)).toMatchObject({ application: "ARP", a: "aa:aa", b: "bb:bb", rtt: null, state: "open" });
});

it("keeps rows that contain all words", () => {
  const rows = [toRow(dns)];

  expect(filterRows(rows, "dns fe80::2")).toHaveLength(1);
  expect(filterRows(rows, "dns 10.0.0.1")).toHaveLength(0);
});
