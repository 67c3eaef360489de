// SPDX-License-Identifier: Apache-2.0
// Calls to the server's REST API. Every failure is an ApiError whose message can be shown as it is.

import type { CaptureDraft, CheckDraft, DecodedPacket, Explanation, Flow, QueryAnswer } from "./shapes";
import type { CaptureView, CheckAnswer, CheckResult, CheckView, CompletionAnswer, Identity, Json, MetricPoints, Preview } from "./types";

export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** Browsers drop connections that are being made whenever an interface of their own machine comes or goes. */
const ATTEMPTS = 4;
const PAUSE_MS = 150;
/** What a second POST would do once more. */
const NOT_REPEATED = /^api\/(capture|check|check\/[^/]+\/run)$/;

async function call(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  headers.set("Accept", "application/json");
  const attempts = init.method === "POST" && NOT_REPEATED.test(path) ? 1 : ATTEMPTS;
  const response = await repeated(() => fetch(path, { ...init, headers }), attempts, init.signal);
  if (!response.ok) throw new ApiError(response.status, await failureText(response));
  return response;
}

async function repeated(send: () => Promise<Response>, attempts: number, signal?: AbortSignal | null): Promise<Response> {
  for (let left = attempts; ; left -= 1) {
    try {
      return await send();
    } catch (cause) {
      if (signal?.aborted) throw cause;
      if (left <= 1) throw new ApiError(0, "the server does not answer");
      await new Promise((resume) => setTimeout(resume, PAUSE_MS));
    }
  }
}

/** The server explains in plain text, or as problem+json with `detail`. */
async function failureText(response: Response): Promise<string> {
  const text = (await response.text()).trim();
  if (text.startsWith("{")) {
    try {
      const problem = JSON.parse(text) as { detail?: unknown; title?: unknown };
      if (typeof problem.detail === "string") return problem.detail;
      if (typeof problem.title === "string") return problem.title;
    } catch {
      // Not JSON after all: shown as the text that it is.
    }
  }
  return text || `the server answered ${response.status}`;
}

async function read(path: string, init?: RequestInit): Promise<unknown> {
  const response = await call(path, init);
  return response.status === 204 ? null : response.json();
}

function sending(method: string, body: unknown, headers: Record<string, string> = {}): RequestInit {
  return { method, body: JSON.stringify(body), headers: { "Content-Type": "application/json", ...headers } };
}

function withSignal(init: RequestInit, signal: AbortSignal | undefined): RequestInit {
  return signal ? { ...init, signal } : init;
}

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
    missingHosts: (response.headers.get("X-Missing-Hosts") ?? "").split(",").filter(Boolean),
    truncated: response.headers.get("X-Truncated") === "true",
  };
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

export interface FlowScope {
  node?: string;
  capture?: string;
}

export async function listFlows(scope: FlowScope, limit: number, signal?: AbortSignal): Promise<Flow[]> {
  const query = parameters({ node: scope.node, capture: scope.capture, limit });
  return ((await read(`api/flows?${query}`, withSignal({}, signal))) ?? []) as Flow[];
}

export interface PacketScope {
  capture: string;
  node?: string | undefined;
  flow?: string | undefined;
}

export async function listPackets(scope: PacketScope, limit: number, signal?: AbortSignal): Promise<DecodedPacket[]> {
  return ((await read(packetsPath(scope, limit), withSignal({}, signal))) ?? []) as DecodedPacket[];
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

function parameters(values: Record<string, string | number | undefined>): string {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(values)) if (value !== undefined) query.set(key, String(value));
  return query.toString();
}
