// SPDX-License-Identifier: Apache-2.0
// Calls about alerts.

import { call, parameters, read, sending, withSignal } from "./http";
import type { AlertView, Rehearsal, Transition } from "./types";

/** What a user says of an alert; durations are ms. */
export type AlertDraft = Pick<
  AlertView,
  | "Name"
  | "Description"
  | "Expression"
  | "Language"
  | "Trigger"
  | "Action"
  | "Actions"
  | "Severity"
  | "Labels"
  | "For"
  | "Hold"
  | "KeepFiring"
  | "Cooldown"
>;

/** A JSON Patch of whole members: members that nobody touched stay as somebody else may have made them meanwhile. */
export type AlertPatch = { op: "replace"; path: string; value: unknown }[];

const HISTORY = 100;

export async function listAlerts(): Promise<AlertView[]> {
  return Object.values(((await read("api/alert")) ?? {}) as Record<string, AlertView>);
}

export async function createAlert(draft: AlertDraft, ttlSeconds: number): Promise<AlertView> {
  return (await read("api/alert", sending("POST", draft, expiry(ttlSeconds)))) as AlertView;
}

/** `ttlSeconds` 0 leaves the moment at which it deletes itself as it is. */
export async function changeAlert(uuid: string, patch: AlertPatch, ttlSeconds = 0): Promise<AlertView> {
  return (await read(`api/alert/${encodeURIComponent(uuid)}`, sending("PATCH", patch, expiry(ttlSeconds)))) as AlertView;
}

/** Unix ms; 0 = not muted. */
export async function muteAlert(uuid: string, until: number): Promise<void> {
  await changeAlert(uuid, [{ op: "replace", path: "/MutedUntil", value: until }]);
}

export async function deleteAlert(uuid: string): Promise<void> {
  await call(`api/alert/${encodeURIComponent(uuid)}`, { method: "DELETE" });
}

/** The newest first. */
export async function alertHistory(uuid: string, signal?: AbortSignal): Promise<Transition[]> {
  const path = `api/alert/${encodeURIComponent(uuid)}/history?${parameters({ limit: HISTORY })}`;
  return ((await read(path, withSignal({}, signal))) ?? []) as Transition[];
}

/** What the alert would have done from `from` to `to` (Unix ms); nothing is stored or told. */
export async function rehearseAlert(draft: AlertDraft, from: number, to: number): Promise<Rehearsal> {
  return (await read("api/alert/test", sending("POST", { Alert: draft, From: from, To: to }))) as Rehearsal;
}

function expiry(ttlSeconds: number): Record<string, string> {
  return ttlSeconds > 0 ? { "X-Resource-TTL": `${ttlSeconds}s` } : {};
}
