// SPDX-License-Identifier: Apache-2.0
// The order in which checks and their results are shown, and which results are news. Pure.

import type { CheckResult, CheckView } from "../api/types";
import type { CheckMessage } from "../transport/envelope";
import type { Listing } from "./listing";

/** How often results of a check were pushed, by its id: whoever shows them reads them again when it grows. */
export type CheckNews = ReadonlyMap<string, number>;

export function withNews(news: CheckNews, changes: readonly CheckMessage[]): CheckNews {
  const results = changes.filter((change) => change.type === "Result");
  if (results.length === 0) return news;
  const next = new Map(news);
  for (const { uuid } of results) next.set(uuid, (next.get(uuid) ?? 0) + 1);
  return next;
}

/** Newest first; checks of the same instant keep a fixed order. */
export function inOrder(state: Listing<CheckView>): CheckView[] {
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
