// SPDX-License-Identifier: Apache-2.0
// Queries that were run, kept by the browser: the newest first, each once.

import { Kept, texts } from "../state/kept";

const MOST = 50;
const LONGEST = 10_000;

export const history = new Kept<readonly string[]>("netsonde.queries", (kept) => texts(kept, MOST), []);

export function remember(query: string): void {
  history.keep(withQuery(history.get(), query));
}

export function withQuery(known: readonly string[], query: string): string[] {
  if (query.length > LONGEST) return [...known];
  return [query, ...known.filter((other) => other !== query)].slice(0, MOST);
}
