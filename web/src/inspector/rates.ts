// SPDX-License-Identifier: Apache-2.0
// Counter deltas of intervals as rates over time, ready for a chart. Pure.

import type { MetricPoints } from "../api/types";

type MetricPoint = MetricPoints["Points"][number];

export interface Series {
  /** Unix seconds. */
  readonly times: number[];
  readonly received: number[];
  readonly sent: number[];
}

type Unit = "bits" | "packets" | "errors";

const COUNTERS: Readonly<Record<Unit, { received: string[]; sent: string[]; factor: number }>> = {
  bits: { received: ["RxBytes"], sent: ["TxBytes"], factor: 8 },
  packets: { received: ["RxPackets"], sent: ["TxPackets"], factor: 1 },
  errors: { received: ["RxErrors", "RxDropped"], sent: ["TxErrors", "TxDropped"], factor: 1 },
};

export function rates(points: readonly MetricPoint[], unit: Unit): Series {
  const { received, sent, factor } = COUNTERS[unit];
  const series: Series = { times: [], received: [], sent: [] };
  for (const point of points) {
    const { Start: start = 0, Last: last = 0 } = point;
    const seconds = (last - start) / 1000;
    if (seconds <= 0) continue;
    series.times.push(last / 1000);
    series.received.push((sum(point, received) * factor) / seconds);
    series.sent.push((sum(point, sent) * factor) / seconds);
  }
  return series;
}

/** Totals of all counters over the points, those that stayed at zero left out. */
export function counterTotals(points: readonly MetricPoint[]): [name: string, total: number][] {
  const totals = new Map<string, number>();
  for (const point of points) {
    for (const [name, value] of Object.entries(point)) {
      if (name !== "Start" && name !== "Last" && value) totals.set(name, (totals.get(name) ?? 0) + value);
    }
  }
  return [...totals].sort(([a], [b]) => a.localeCompare(b));
}

function sum(point: MetricPoint, names: readonly string[]): number {
  return names.reduce((total, name) => total + (point[name] ?? 0), 0);
}
