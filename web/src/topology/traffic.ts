// SPDX-License-Identifier: Apache-2.0
// What the lines of the map say of the traffic on them. Pure.

import type { Sample } from "../api/network";
import type { Node } from "../api/types";
import type { GraphState } from "../state/graph";
import { bitRate } from "../ui/format";
import type { View } from "./view";

export interface LinkTraffic {
  readonly label: string;
  /** Of the speed of the link: `idle` is none worth a colour, `none` an unknown speed. */
  readonly load: "idle" | "busy" | "full" | "none";
  /** 0 to 10, by powers of ten of the rate. */
  readonly weight: number;
}

const MBIT = 1_000_000;
const BUSY = 0.5;
const FULL = 0.8;

/** Intervals without news after which an interface is silent: agents report none in which nothing was counted. */
const MISSED = 3;
/** Milliseconds after which it is even if its whole host is; clocks of agents may differ from the server's by as much. */
const LONGEST_AGE = 60_000;

/** Bits a second that interfaces carry `now` (Unix ms), by node id. The news of a host are compared by its own clock. */
export function ratesNow(samples: ReadonlyMap<string, Sample>, graph: GraphState, now: number): Map<string, number> {
  const host = (id: string): string => graph.nodes.get(id)?.Host ?? "";
  const newest = new Map<string, number>();
  for (const [id, { last }] of samples) newest.set(host(id), Math.max(last, newest.get(host(id)) ?? 0));
  return new Map(
    [...samples].map(([id, { bitsPerSecond, start, last }]) => {
      const patience = MISSED * (last - start);
      const behind = (newest.get(host(id)) ?? last) - last;
      const isSilent = behind > patience || now - last > Math.max(LONGEST_AGE, patience);
      return [id, isSilent ? 0 : bitsPerSecond];
    }),
  );
}

/** By ids of visible links; `rates` are bits a second by node id. Lines that stand for several links say nothing. */
export function linkTraffic(view: View, graph: GraphState, rates: ReadonlyMap<string, number>): Map<string, LinkTraffic> {
  const found = new Map<string, LinkTraffic>();
  for (const { id, count, edges } of view.edges.values()) {
    const edge = count === 1 ? graph.edges.get(edges[0] ?? "") : undefined;
    if (!edge) continue;
    // A bridge is a parent, and its own counters are not those of the cable to its port.
    const measured = [edge.Child, edge.Parent].find((end) => rates.has(end));
    if (measured !== undefined) found.set(id, trafficOf(rates.get(measured) ?? 0, graph.nodes.get(measured)));
  }
  return found;
}

export function trafficOf(bitsPerSecond: number, node: Node | undefined): LinkTraffic {
  const speed = node?.Metadata["Speed"];
  const share = typeof speed === "number" && speed > 0 ? bitsPerSecond / (speed * MBIT) : null;
  const load = share === null ? "none" : share >= FULL ? "full" : share >= BUSY ? "busy" : "idle";
  return { label: bitRate(bitsPerSecond), load, weight: Math.min(10, Math.max(0, Math.log10(bitsPerSecond + 1))) };
}
