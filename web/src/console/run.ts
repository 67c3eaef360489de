// SPDX-License-Identifier: Apache-2.0
// The query at hand and its answer, kept while other tabs are looked at.

import { checkQuery, explainQuery, runQuery } from "../api/client";
import type { Explanation, QueryAnswer } from "../api/shapes";
import { go, place, type ResultView } from "../state/place";
import { Store } from "../state/store";
import { messageOf } from "../ui/widgets";
import { remember } from "./history";
import { toResult, type Result } from "./result";

export type Outcome =
  | { readonly state: "none" }
  | { readonly state: "running"; readonly query: string }
  | { readonly state: "failed"; readonly query: string; readonly message: string }
  /** It came with the address, and may change something: it waits for a press of Run. */
  | { readonly state: "held"; readonly query: string }
  | {
      readonly state: "done";
      readonly query: string;
      readonly answer: QueryAnswer;
      readonly result: Result;
      /** From sending to the whole answer, as the browser sees it. */
      readonly milliseconds: number;
      readonly at: number;
    }
  | { readonly state: "explained"; readonly query: string; readonly explanation: Explanation };

export const draftQuery = new Store<string>(place.get().q);
export const outcome = new Store<Outcome>({ state: "none" });

let current: AbortController | null = null;

/** Run a query; what is still running is given up, and the server is told by the connection's end. */
export async function run(query: string): Promise<void> {
  await start(query, "", (signal) => answered(query, signal));
}

/** Run a query that an address brought, unless that may change something: who follows a link wants to look. */
export async function runShared(query: string): Promise<void> {
  await start(query, "", async (signal) => {
    const { CallsWorkflow: acts } = await checkQuery(query, signal);
    return acts ? { state: "held", query } : answered(query, signal);
  });
}

async function answered(query: string, signal: AbortSignal): Promise<Outcome> {
  const began = performance.now();
  const [check, answer] = await Promise.all([checkQuery(query, signal), runQuery(query, signal)]);
  const milliseconds = performance.now() - began;
  return { state: "done", query, answer, result: toResult(check.Kind, answer.value), milliseconds, at: Date.now() };
}

export async function explain(query: string): Promise<void> {
  await start(query, "explain", async (signal) => ({
    state: "explained",
    query,
    explanation: await explainQuery(query, signal),
  }));
}

export function stop(): void {
  current?.abort();
  current = null;
  outcome.set({ state: "none" });
}

async function start(query: string, show: ResultView | "", work: (signal: AbortSignal) => Promise<Outcome>): Promise<void> {
  current?.abort();
  const mine = new AbortController();
  current = mine;
  outcome.set({ state: "running", query });
  remember(query);
  const kept = place.get().show;
  go({ tab: "query", q: query, show: show || (kept === "explain" ? "" : kept) });
  try {
    const found = await work(mine.signal);
    if (current === mine) outcome.set(found);
  } catch (cause) {
    if (current === mine) outcome.set({ state: "failed", query, message: messageOf(cause) });
  }
}
