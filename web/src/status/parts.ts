// SPDX-License-Identifier: Apache-2.0
// What of a process wants attention: parts that do not run, counters of losses, a clock that is off. Pure.

import type { Component, Process } from "../api/types";
import { count, duration } from "../ui/format";

export interface Part extends Component {
  readonly name: string;
  /** What it lost, in words. */
  readonly losses: readonly string[];
}

/** What reads a daemon that is not installed is no trouble: it comes last. */
const RANK: Readonly<Record<string, number>> = { failed: 0, stopped: 1, starting: 2, running: 3, absent: 4 };
const LOSS = /(^|_)(dropped|drops|lost|losses|errors|failed|failures|overflow|evicted|missed)$/;
/** Below this the clocks of two hosts do not confuse the order of what they report. */
const CLOCK_OFF_MS = 500;

/** What should run and does not first, then what lost something, then by name. */
export function partsOf(process: Process): Part[] {
  return Object.entries(process.Probes)
    .map(([name, component]): Part => ({ ...component, name, losses: lossesOf(component.Counters) }))
    .sort((a, b) => rank(a) - rank(b) || b.losses.length - a.losses.length || a.name.localeCompare(b.name));
}

function rank(part: Part): number {
  return RANK[part.State] ?? 0;
}

export function lossesOf(counters: Readonly<Record<string, number>>): string[] {
  return Object.entries(counters)
    .filter(([name, value]) => value > 0 && LOSS.test(name))
    .map(([name, value]) => `${name.replaceAll("_", " ")} ${count(value)}`);
}

/** "" while the clock is near enough, or nothing is known of it. */
export function clockOff(aheadMs: number | null): string {
  if (aheadMs === null || Math.abs(aheadMs) < CLOCK_OFF_MS) return "";
  return `its clock is ${duration(Math.abs(aheadMs))} ${aheadMs > 0 ? "ahead" : "behind"}`;
}
