// SPDX-License-Identifier: Apache-2.0
// Metadata keys that occur in the graph, for completion.

import type { Json } from "../api/types";
import type { GraphState } from "../state/graph";

const DEEPEST = 2;
const MOST_NODES = 2000;

let known: { graph: GraphState; keys: readonly string[] } | null = null;

/** Dotted paths, each once; computed again only when the graph has changed. */
export function metadataKeys(graph: GraphState): readonly string[] {
  if (known?.graph === graph) return known.keys;
  const keys = new Set<string>();
  let seen = 0;
  for (const node of graph.nodes.values()) {
    collect(node.Metadata, "", 0, keys);
    seen += 1;
    if (seen >= MOST_NODES) break;
  }
  known = { graph, keys: [...keys].sort() };
  return known.keys;
}

function collect(tree: Record<string, Json>, prefix: string, depth: number, keys: Set<string>): void {
  for (const [key, value] of Object.entries(tree)) {
    const path = prefix ? `${prefix}.${key}` : key;
    keys.add(path);
    if (depth < DEEPEST && typeof value === "object" && value !== null && !Array.isArray(value)) {
      collect(value, path, depth + 1, keys);
    }
  }
}
