// SPDX-License-Identifier: Apache-2.0
// The captures as the page knows them: the list read once per connection, then what the server pushes.

import type { CaptureView } from "../api/types";
import type { CaptureMessage } from "../transport/envelope";

export interface CapturesState {
  readonly byId: ReadonlyMap<string, CaptureView>;
  /** False until the list was read once. */
  readonly loaded: boolean;
  /** Pushes that arrived while the list is being read (they are newer than it); null while it is not. */
  readonly meanwhile: readonly CaptureMessage[] | null;
}

export const noCaptures: CapturesState = { byId: new Map(), loaded: false, meanwhile: null };

/** The list is about to be read: what is pushed from now on wins over it. */
export function listRequested(state: CapturesState): CapturesState {
  return { ...state, meanwhile: [] };
}

export function listReceived(state: CapturesState, list: readonly CaptureView[]): CapturesState {
  const byId = new Map(list.map((view) => [view.UUID, view]));
  return pushed({ byId, loaded: true, meanwhile: null }, state.meanwhile ?? []);
}

export function pushed(state: CapturesState, changes: readonly CaptureMessage[]): CapturesState {
  if (changes.length === 0) return state;
  const byId = new Map(state.byId);
  for (const { type, capture } of changes) {
    if (type === "Deleted") byId.delete(capture.UUID);
    else byId.set(capture.UUID, capture);
  }
  return { ...state, byId, meanwhile: state.meanwhile && [...state.meanwhile, ...changes] };
}

/** Newest first; captures of the same instant keep a fixed order. */
export function inOrder(state: CapturesState): CaptureView[] {
  return [...state.byId.values()].sort((a, b) => b.CreatedAt - a.CreatedAt || a.UUID.localeCompare(b.UUID));
}

export type NodeCapture = "active" | "starting" | "failed";

/** What the running captures do on each node, the most notable one first: failed, active, starting. */
export function captureOnNodes(state: CapturesState): Map<string, NodeCapture> {
  const rank: Record<NodeCapture, number> = { starting: 0, active: 1, failed: 2 };
  const marks = new Map<string, NodeCapture>();
  for (const view of state.byId.values()) {
    for (const node of view.Status?.Nodes ?? []) {
      if (node.State === "finished") continue;
      const known = marks.get(node.NodeID);
      if (!known || rank[node.State] > rank[known]) marks.set(node.NodeID, node.State);
    }
  }
  return marks;
}
