// SPDX-License-Identifier: Apache-2.0
// A flow as a row of a table. Pure.

import type { Flow, FlowMetric } from "../api/shapes";

export interface FlowRow {
  readonly id: string;
  readonly flow: Flow;
  readonly application: string;
  readonly a: string;
  readonly b: string;
  readonly packetsAB: number;
  readonly packetsBA: number;
  readonly bytes: number;
  readonly bytesAB: number;
  readonly bytesBA: number;
  readonly network: string;
  readonly transport: string;
  /** Milliseconds, null = not seen. */
  readonly rtt: number | null;
  readonly start: number;
  readonly last: number;
  readonly state: string;
}

const NOTHING_COUNTED: FlowMetric = { ABPackets: 0, ABBytes: 0, BAPackets: 0, BABytes: 0, Start: 0, Last: 0 };
const FINISHED: Readonly<Record<string, string>> = { "1": "timeout", "2": "FIN", "3": "RST" };

export function toRow(flow: Flow): FlowRow {
  const metric = flow.Metric ?? NOTHING_COUNTED;
  return {
    id: `${flow.UUID}/${flow.NodeTID ?? ""}`,
    flow,
    application: flow.Application ?? lastLayer(flow),
    a: endpoint(flow, "A"),
    b: endpoint(flow, "B"),
    packetsAB: metric.ABPackets,
    packetsBA: metric.BAPackets,
    bytes: metric.ABBytes + metric.BABytes,
    bytesAB: metric.ABBytes,
    bytesBA: metric.BABytes,
    network: (flow.Network ?? flow.Link)?.Protocol ?? "",
    transport: flow.Transport?.Protocol ?? "",
    rtt: metric.RTT ? metric.RTT / 1e6 : null,
    start: flow.Start,
    last: flow.Last,
    state: finishOf(flow),
  };
}

/** Rows that contain every word of `filter` somewhere. */
export function filterRows(rows: readonly FlowRow[], filter: string): FlowRow[] {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return [...rows];
  return rows.filter((row) => {
    const text = `${row.application} ${row.a} ${row.b} ${row.state} ${row.flow.LayersPath ?? ""}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
}

function endpoint(flow: Flow, side: "A" | "B"): string {
  const address = String((flow.Network ?? flow.Link)?.[side] ?? "");
  const port = flow.Transport?.[side];
  if (port === undefined) return address;
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

function lastLayer(flow: Flow): string {
  return flow.LayersPath?.split("/").at(-1) ?? "";
}

function finishOf(flow: Flow): string {
  if (!flow.FinishType) return "open";
  return FINISHED[String(flow.FinishType)] ?? String(flow.FinishType).toLowerCase();
}
