// SPDX-License-Identifier: Apache-2.0
// Calls about captures, checks, queries and what they find.

import { ApiError, call, parameters, read, sending, withSignal } from "./http";
import type { CaptureDraft, CheckDraft, DecodedPacket, Explanation, Flow, Gathered, QueryAnswer } from "./shapes";
import type { CaptureView, CheckAnswer, CheckResult, CheckView, CompletionAnswer, Identity, Json, MetricPoints, Preview } from "./types";

export async function serverInfo(): Promise<Identity> {
  return (await read("api")) as Identity;
}

export async function listCaptures(): Promise<CaptureView[]> {
  const byId = ((await read("api/capture")) ?? {}) as Record<string, CaptureView>;
  return Object.values(byId);
}

export async function createCapture(draft: CaptureDraft, ttlSeconds: number): Promise<CaptureView> {
  const headers: Record<string, string> = ttlSeconds > 0 ? { "X-Resource-TTL": `${ttlSeconds}s` } : {};
  return (await read("api/capture", sending("POST", draft, headers))) as CaptureView;
}

export async function pauseCapture(uuid: string, paused: boolean): Promise<void> {
  await call(`api/capture/${encodeURIComponent(uuid)}`, sending("PATCH", { Paused: paused }));
}

export async function deleteCapture(uuid: string): Promise<void> {
  await call(`api/capture/${encodeURIComponent(uuid)}`, { method: "DELETE" });
}

export async function listChecks(): Promise<CheckView[]> {
  const byId = ((await read("api/check")) ?? {}) as Record<string, CheckView>;
  return Object.values(byId);
}

export async function createCheck(draft: CheckDraft): Promise<CheckView> {
  return (await read("api/check", sending("POST", draft))) as CheckView;
}

export async function runCheck(uuid: string): Promise<void> {
  await call(`api/check/${encodeURIComponent(uuid)}/run`, { method: "POST" });
}

export async function deleteCheck(uuid: string): Promise<void> {
  await call(`api/check/${encodeURIComponent(uuid)}`, { method: "DELETE" });
}

export async function listCheckResults(uuid: string, signal?: AbortSignal): Promise<CheckResult[]> {
  return ((await read(`api/check/${encodeURIComponent(uuid)}/results`, withSignal({}, signal))) ?? []) as CheckResult[];
}

export async function checkQuery(text: string, signal?: AbortSignal): Promise<CheckAnswer> {
  const init = withSignal(sending("POST", { GremlinQuery: text }), signal);
  return (await read("api/query/check", init)) as CheckAnswer;
}

/** `cursor` counts characters, as all places in queries do. */
export async function completeQuery(text: string, cursor: number, signal?: AbortSignal): Promise<CompletionAnswer> {
  const init = withSignal(sending("POST", { GremlinQuery: text, Cursor: cursor }), signal);
  return (await read("api/query/complete", init)) as CompletionAnswer;
}

export async function runQuery(text: string, signal?: AbortSignal): Promise<QueryAnswer> {
  const response = await call("api/topology", withSignal(sending("POST", { GremlinQuery: text }), signal));
  const body = await response.text();
  return {
    value: (body.trim() ? JSON.parse(body) : null) as Json,
    octets: body.length,
    missingHosts: missingHosts(response),
    truncated: response.headers.get("X-Truncated") === "true",
    notes: notesIn(response.headers.get("X-Notes")),
  };
}

function missingHosts({ headers }: Response): string[] {
  return (headers.get("X-Missing-Hosts") ?? "").split(",").filter(Boolean);
}

async function gathered<T>(path: string, signal: AbortSignal | undefined): Promise<Gathered<T>> {
  const response = await call(path, withSignal({}, signal));
  const rows = response.status === 204 ? null : ((await response.json()) as T[] | null);
  return { rows: rows ?? [], missingHosts: missingHosts(response) };
}

/** A list of texts in JSON; whatever else a proxy makes of the header says nothing. */
function notesIn(header: string | null): string[] {
  try {
    const found: unknown = JSON.parse(header ?? "[]");
    return Array.isArray(found) ? found.filter((note) => typeof note === "string") : [];
  } catch {
    return [];
  }
}

export async function explainQuery(text: string, signal?: AbortSignal): Promise<Explanation> {
  const ask = (body: object) => read("api/query/explain", withSignal(sending("POST", body), signal));
  try {
    return (await ask({ GremlinQuery: text, Profile: true })) as Explanation;
  } catch (cause) {
    // A server that cannot measure the steps refuses the wish, and explains without.
    if (!(cause instanceof ApiError) || !cause.message.includes("Profile")) throw cause;
    return (await ask({ GremlinQuery: text })) as Explanation;
  }
}

export async function previewCapture(text: string, signal?: AbortSignal): Promise<Preview> {
  const init = withSignal(sending("POST", { GremlinQuery: text }), signal);
  return (await read("api/capture/preview", init)) as Preview;
}

/** Flows of an interface, by its TID; of a capture; or of both: other captures meter the same flows. */
export interface FlowScope {
  node?: string;
  capture?: string;
}

export async function listFlows(scope: FlowScope, limit: number, signal?: AbortSignal): Promise<Gathered<Flow>> {
  const query = parameters({ node: scope.node, capture: scope.capture, limit });
  return gathered(`api/flows?${query}`, signal);
}

export interface PacketScope {
  capture: string;
  node?: string | undefined;
  flow?: string | undefined;
}

export async function listPackets(scope: PacketScope, limit: number, signal?: AbortSignal): Promise<Gathered<DecodedPacket>> {
  return gathered(packetsPath(scope, limit), signal);
}

/** Without an Accept header for JSON this address answers with a pcapng file. */
export function packetsPath(scope: PacketScope, limit?: number): string {
  const query = parameters({ node: scope.node, flow: scope.flow, limit });
  return `api/capture/${encodeURIComponent(scope.capture)}/packets${query ? `?${query}` : ""}`;
}

export async function nodeMetrics(id: string, lastSeconds: number, signal?: AbortSignal): Promise<MetricPoints["Points"]> {
  const path = `api/node/${encodeURIComponent(id)}/metrics?last=${lastSeconds}s`;
  return ((await read(path, withSignal({}, signal))) as MetricPoints).Points;
}
