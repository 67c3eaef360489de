// SPDX-License-Identifier: Apache-2.0
// Whoever wants the next node that is clicked on the map, or found by the search: then it is no selection.

import { useEffect } from "react";
import { pick as pickForCapture } from "../captures/draft";
import type { Node } from "../api/types";
import { Store, useStore } from "../state/store";

interface Wish {
  /** Which field of the form wants it. */
  readonly slot: string;
  readonly accepts: (node: Node) => boolean;
  readonly take: (node: Node) => void;
}

const wish = new Store<Wish | null>(null);
const NONE: readonly string[] = [];
/** Ids of nodes that a form holds, to be ringed on the map. */
export const picked = new Store<readonly string[]>(NONE);

/** Whether this node was wanted. One that does not suit is no selection either: the field goes on waiting. */
export function pick(node: Node): boolean {
  if (pickForCapture(node)) return true;
  const waiting = wish.get();
  if (waiting === null) return false;
  if (waiting.accepts(node)) {
    wish.set(null);
    waiting.take(node);
  }
  return true;
}

/** For a form with fields for nodes: which of them waits, and how to let one wait. Nobody waits once the form is gone. */
export function usePicking(): { waits: string; want: (next: Wish | null) => void } {
  const current = useStore(wish);
  useEffect(() => () => wish.set(null), []);
  return { waits: current?.slot ?? "", want: (next) => wish.set(next) };
}

/** Ring these nodes on the map for as long as the component is there. */
export function useRings(ids: readonly string[]): void {
  const key = JSON.stringify(ids);
  useEffect(() => picked.set(JSON.parse(key) as string[]), [key]);
  useEffect(() => () => picked.set(NONE), []);
}
