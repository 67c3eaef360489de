// SPDX-License-Identifier: Apache-2.0
// A selected link in the address of the page: ids of the edges it stands for, and how many more there are. Pure.

import type { Edge } from "../api/types";
import type { GraphState } from "./graph";

/** Edges that an address names; a line between two closed groups may stand for thousands. */
export const MOST_NAMED = 20;

export function formatLink(edges: readonly string[], count: number): string {
  const named = edges.slice(0, MOST_NAMED);
  return [...named, ...(count > named.length ? [`+${count - named.length}`] : [])].join(",");
}

export function parseLink(link: string): { edges: string[]; more: number } {
  const parts = link.split(",").filter(Boolean);
  const rest = parts.at(-1)?.startsWith("+") ? Number(parts.pop()) : 0;
  return { edges: parts.slice(0, MOST_NAMED), more: Number.isSafeInteger(rest) && rest > 0 ? rest : 0 };
}

/** Those of them that are there. */
export function edgesOf(graph: GraphState, link: string): Edge[] {
  return parseLink(link).edges.flatMap((id) => graph.edges.get(id) ?? []);
}
