// SPDX-License-Identifier: Apache-2.0
// What of a tree of metadata contains the words that somebody looks for. Pure.

import type { Json } from "../api/types";
import { isBranch } from "../state/metadata";

type Tree = Record<string, Json>;

/** Return the part in which each word occurs in a path or its value; a branch that is found by name stays whole. */
export function narrowed(tree: Tree, filter: string): Tree {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return tree;
  return (kept(tree, "", words) ?? {}) as Tree;
}

function kept(value: Json, path: string, words: readonly string[]): Json | undefined {
  const here = path.toLowerCase();
  if (words.every((word) => here.includes(word))) return value;
  if (!isBranch(value)) {
    const text = `${here} ${String(value).toLowerCase()}`;
    return words.every((word) => text.includes(word)) ? value : undefined;
  }
  if (Array.isArray(value)) {
    const items = value.flatMap((item) => kept(item, path, words) ?? []);
    return items.length > 0 ? items : undefined;
  }
  const entries = Object.entries(value).flatMap(([key, item]): [string, Json][] => {
    const found = kept(item, path ? `${path}.${key}` : key, words);
    return found === undefined ? [] : [[key, found]];
  });
  return entries.length > 0 ? Object.fromEntries(entries) : undefined;
}

/** The query for all nodes with this value, "" where a query could not name it. */
export function queryFor(path: readonly string[], value: Json): string {
  // A key with a dot of its own reads like a path, and a place in a list is none.
  if (isBranch(value) || value === null || path.some((key) => key.includes(".") || key === "")) return "";
  const key = path.join(".");
  const literal = typeof value === "string" ? quoted(value) : String(value);
  return `G.V().Has(${quoted(key)}, ${literal})`;
}

function quoted(text: string): string {
  return `'${text.replace(/[\\']/g, "\\$&")}'`;
}
