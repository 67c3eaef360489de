// SPDX-License-Identifier: Apache-2.0
// Finding nodes by what people know of them: name, address, MAC, id, VM id, container.

import type { Json, Node } from "../api/types";
import { isBranch } from "../state/metadata";
import { nameOf } from "./appearance";

export interface Hit {
  readonly node: Node;
  readonly field: string;
  readonly value: string;
}

const FIELDS = ["Name", "IPV4", "IPV6", "MAC", "PeerIntfMAC", "Hostname", "TID", "ExtID", "Container"] as const;

/** Return the best hits: exact before beginning before middle, names before other fields. */
export function search(nodes: Iterable<Node>, wanted: string, limit: number): Hit[] {
  const needle = wanted.trim().toLowerCase();
  if (!needle) return [];
  const found: { hit: Hit; score: number }[] = [];
  for (const node of nodes) {
    const best = bestHit(node, needle);
    if (best) found.push(best);
  }
  found.sort((a, b) => a.score - b.score || nameOf(a.hit.node).localeCompare(nameOf(b.hit.node)));
  return found.slice(0, limit).map(({ hit }) => hit);
}

function bestHit(node: Node, needle: string): { hit: Hit; score: number } | null {
  let best: { hit: Hit; score: number } | null = null;
  const consider = (field: string, value: string, rank: number): void => {
    const quality = matchQuality(value.toLowerCase(), needle);
    if (quality === null) return;
    const score = quality * 100 + rank;
    if (!best || score < best.score) best = { hit: { node, field, value }, score };
  };
  for (const [rank, field] of FIELDS.entries()) {
    for (const [path, value] of leaves(node.Metadata[field], field)) consider(path, value, rank);
  }
  consider("ID", node.ID, FIELDS.length);
  return best;
}

function matchQuality(value: string, needle: string): number | null {
  if (value === needle || value.startsWith(`${needle}/`)) return 0;
  const at = value.indexOf(needle);
  if (at < 0) return null;
  return at === 0 ? 1 : 2;
}

function* leaves(value: Json | undefined, path: string): Generator<[string, string]> {
  if (Array.isArray(value)) for (const item of value) yield* leaves(item, path);
  else if (isBranch(value)) for (const [key, item] of Object.entries(value)) yield* leaves(item, `${path}.${key}`);
  else if (typeof value === "string" || typeof value === "number") yield [path, String(value)];
}
