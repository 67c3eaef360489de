// SPDX-License-Identifier: Apache-2.0
import { beforeEach, expect, it } from "vitest";
import { blank, change, draft, expressionOf, pick, startWith, toRequest } from "../../src/captures/draft";
import { node } from "../builders";

const tap = node("tap", { TID: "t1", IfIndex: 3 });
const veth = node("veth", { TID: "t2", IfIndex: 4 });
const netns = node("ns", { Type: "netns" });

beforeEach(() => draft.set(blank));

it("takes a click as a selection while nothing is to be picked", () => {
  expect(pick(tap)).toBe(false);
});

it("fills one place after the other", () => {
  change({ armed: 0 });
  pick(tap);
  pick(veth);

  expect(draft.get().picks).toEqual(["tap", "veth"]);
  expect(draft.get().armed).toBeNull();
});

it("waits for an interface when something else is clicked", () => {
  change({ armed: 0 });

  expect(pick(netns)).toBe(true);
  expect(draft.get().picks).toEqual([null, null]);
});

it("starts from an interface", () => {
  startWith(tap);

  expect(expressionOf(draft.get(), new Map([["tap", tap]]))).toBe("G.V().Has('TID', 't1')");
});

it("has no expression once the picked interface is gone", () => {
  startWith(tap);

  expect(expressionOf(draft.get(), new Map())).toBe("");
});

it("leaves out what was not filled in", () => {
  const { body, ttlSeconds } = toRequest({ ...blank, bpf: " arp ", ttlMinutes: "1.5", firstPackets: "" }, "G.V()");

  expect(body).toEqual({ GremlinQuery: "G.V()", BPFFilter: "arp" });
  expect(ttlSeconds).toBe(90);
});
