// SPDX-License-Identifier: Apache-2.0
// The order in which alerts are shown, and how many want attention. Pure.

import type { AlertView } from "../api/types";
import type { Listing } from "./listing";

const RANK: Readonly<Record<AlertView["State"], number>> = { firing: 0, pending: 1, resolved: 2, inactive: 2 };

/** What fires first, then what is about to; among those what changed last, then by name. */
export function inOrder(state: Listing<AlertView>): AlertView[] {
  return [...state.byId.values()].sort(
    (a, b) =>
      RANK[a.State] - RANK[b.State] ||
      (RANK[a.State] < 2 ? b.Since - a.Since : 0) ||
      a.Name.localeCompare(b.Name) ||
      a.UUID.localeCompare(b.UUID),
  );
}

export function isMuted(alert: AlertView, now: number): boolean {
  return alert.MutedUntil > now;
}

export function firing(state: Listing<AlertView>): number {
  let number = 0;
  for (const alert of state.byId.values()) if (alert.State === "firing") number += 1;
  return number;
}
