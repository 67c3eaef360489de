// SPDX-License-Identifier: Apache-2.0
// The order in which captures are shown, and what they do on each node. Pure.

import type { CaptureView } from "../api/types";
import type { Listing } from "./listing";

/** Newest first; captures of the same instant keep a fixed order. */
export function inOrder(state: Listing<CaptureView>): CaptureView[] {
  return [...state.byId.values()].sort((a, b) => b.CreatedAt - a.CreatedAt || a.UUID.localeCompare(b.UUID));
}

export type NodeCapture = "active" | "starting" | "failed";

/** What the running captures do on each node, the most notable one first: failed, active, starting. */
export function captureOnNodes(state: Listing<CaptureView>): Map<string, NodeCapture> {
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
