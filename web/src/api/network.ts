// SPDX-License-Identifier: Apache-2.0
// What queries tell of the whole network: how it was at a moment, which flows there were, how much its links carry.

import { runQuery, type FlowScope } from "./client";
import type { Flow, Gathered, QueryAnswer } from "./shapes";
import type { Edge, Json, Node } from "./types";

type Counters = Readonly<Record<string, number>>;

/** The network as it was at a moment (Unix ms). Raises ApiError when there is no history of it. */
export async function graphAt(at: number, signal?: AbortSignal): Promise<{ nodes: Node[]; edges: Edge[] }> {
  const { value } = await runQuery(`G.At(${at})`, signal);
  const [graph] = (Array.isArray(value) ? value : [value]) as unknown as ({ Nodes?: Node[]; Edges?: Edge[] } | null)[];
  return { nodes: graph?.Nodes ?? [], edges: graph?.Edges ?? [] };
}

/** Flows that were active at a moment (Unix ms), the most recent first. */
export async function flowsAt(at: number, scope: FlowScope, limit: number, signal?: AbortSignal): Promise<Gathered<Flow>> {
  const { value, missingHosts } = await runQuery(`G.At(${at}).Flows()${restriction(scope)}.Limit(${limit})`, signal);
  return { rows: (value ?? []) as unknown as Flow[], missingHosts };
}

/** Ids of the interfaces that saw a flow, by the id that it has on all of them. */
export async function interfacesOf(trackingId: string, at: string, signal?: AbortSignal): Promise<string[]> {
  const moment = at === "" ? "" : `.At(${at})`;
  const { value } = await runQuery(`G${moment}.Flows().Has('TrackingID', '${escaped(trackingId)}').CaptureNode()`, signal);
  return ((value ?? []) as unknown as Node[]).map((node) => node.ID);
}

/** What an interface carried over its latest interval: of one that is silent, of when it was not. */
export interface Sample {
  /** Both directions. */
  readonly bitsPerSecond: number;
  /** Unix ms, by the clock of its agent. */
  readonly start: number;
  readonly last: number;
}

/** The latest sample of each interface, by node id. */
export async function interfaceSamples(signal?: AbortSignal): Promise<Map<string, Sample>> {
  const { value } = await runQuery("G.V().Metrics()", signal);
  const series = ((value ?? []) as Json[]).flatMap((one) => Object.entries(one as Record<string, Json>));
  return new Map(series.map(([id, points]) => [id, sampleOf((points as unknown as Counters[]).at(-1))]));
}

/** The OpenFlow rules or groups that the switch of a node has now. */
export async function openFlowOf(nodeId: string, kind: "rules" | "groups", signal?: AbortSignal): Promise<QueryAnswer> {
  const step = kind === "rules" ? "OfRules" : "OfGroups";
  return runQuery(`G.V('${escaped(nodeId)}').${step}()`, signal);
}

function sampleOf(point: Counters | undefined): Sample {
  const { Start: start = 0, Last: last = 0, RxBytes: received = 0, TxBytes: sent = 0 } = point ?? {};
  return { bitsPerSecond: last > start ? ((received + sent) * 8000) / (last - start) : 0, start, last };
}

function restriction({ node, capture }: FlowScope): string {
  const ofNode = node ? `.Has('NodeTID', '${escaped(node)}')` : "";
  return capture ? `${ofNode}.Has('CaptureID', '${escaped(capture)}')` : ofNode;
}

function escaped(text: string): string {
  return text.replace(/[\\']/g, "\\$&");
}
