// SPDX-License-Identifier: Apache-2.0
// The checks as the page knows them: the list read once per connection, then what the server pushes.

import type { CheckResult, CheckView } from "../api/types";
import type { CheckMessage } from "../transport/envelope";

export interface ChecksState {
  readonly byId: ReadonlyMap<string, CheckView>;
  /** False until the list was read once. */
  readonly loaded: boolean;
  /** Pushes that arrived while the list is being read (they are newer than it); null while it is not. */
  readonly meanwhile: readonly CheckMessage[] | null;
  /** How often results of a check were pushed: whoever shows them reads them again when it grows. */
  readonly news: ReadonlyMap<string, number>;
}

export const noChecks: ChecksState = { byId: new Map(), loaded: false, meanwhile: null, news: new Map() };

export function listRequested(state: ChecksState): ChecksState {
  return { ...state, meanwhile: [] };
}

export function listReceived(state: ChecksState, list: readonly CheckView[]): ChecksState {
  const byId = new Map(list.map((view) => [view.UUID, view]));
  return pushed({ ...state, byId, loaded: true, meanwhile: null }, state.meanwhile ?? []);
}

export function pushed(state: ChecksState, changes: readonly CheckMessage[]): ChecksState {
  if (changes.length === 0) return state;
  const byId = new Map(state.byId);
  const news = new Map(state.news);
  for (const change of changes) {
    if (change.type === "Result") news.set(change.uuid, (news.get(change.uuid) ?? 0) + 1);
    else if (change.type === "Deleted") byId.delete(change.check.UUID);
    else byId.set(change.check.UUID, change.check);
  }
  return { ...state, byId, news, meanwhile: state.meanwhile && [...state.meanwhile, ...changes] };
}

/** Newest first; checks of the same instant keep a fixed order. */
export function inOrder(state: ChecksState): CheckView[] {
  return [...state.byId.values()].sort((a, b) => b.CreatedAt - a.CreatedAt || a.UUID.localeCompare(b.UUID));
}

const RANK: Readonly<Record<CheckResult["Verdict"], number>> = { fail: 0, unknown: 1, waiting: 2, pass: 3 };

/** The latest result of each interface, what needs attention first. The list is newest first. */
export function latest(results: readonly CheckResult[]): CheckResult[] {
  const byNode = new Map<string, CheckResult>();
  for (const result of results) if (!byNode.has(result.NodeID)) byNode.set(result.NodeID, result);
  return [...byNode.values()].sort(
    (a, b) => RANK[a.Verdict] - RANK[b.Verdict] || a.NodeName.localeCompare(b.NodeName) || a.NodeID.localeCompare(b.NodeID),
  );
}
