// SPDX-License-Identifier: Apache-2.0
// Queries that were run, kept by the browser: the newest first, each once.

const KEY = "netsonde.queries";
const MOST = 50;
const LONGEST = 10_000;

export function readHistory(storage: Storage = window.localStorage): string[] {
  try {
    const kept: unknown = JSON.parse(storage.getItem(KEY) ?? "[]");
    return Array.isArray(kept) ? kept.filter((query): query is string => typeof query === "string").slice(0, MOST) : [];
  } catch {
    return [];
  }
}

export function withQuery(history: readonly string[], query: string): string[] {
  if (query.length > LONGEST) return [...history];
  return [query, ...history.filter((known) => known !== query)].slice(0, MOST);
}

export function saveHistory(history: readonly string[], storage: Storage = window.localStorage): void {
  try {
    storage.setItem(KEY, JSON.stringify(history));
  } catch {
    // A full or forbidden storage only costs the history.
  }
}
