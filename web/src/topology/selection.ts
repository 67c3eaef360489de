// SPDX-License-Identifier: Apache-2.0
// Several nodes chosen together on the map, for what can be done with all of them.

import type { Node } from "../api/types";
import type { GraphState } from "../state/graph";
import { Kept, texts } from "../state/kept";
import { Store } from "../state/store";
import { isCapturable } from "./appearance";

type Ids = ReadonlySet<string>;

const NONE: Ids = new Set();
/** Nodes that stay where they are when the map is arranged. */
const MOST_PINNED = 3000;

export const selection = new Store<Ids>(NONE);
export const pins = new Kept<Ids>("netsonde.pins", (kept) => new Set(texts(kept, MOST_PINNED)), NONE);

/** Take it to the others, or away from them. */
export function take(id: string): void {
  const next = new Set(selection.get());
  if (!next.delete(id)) next.add(id);
  selection.set(next);
}

export function takeAll(ids: Iterable<string>): void {
  selection.set(new Set([...selection.get(), ...ids]));
}

export function chooseNone(): void {
  if (selection.get().size > 0) selection.set(NONE);
}

/** Those that are there. */
export function chosenIn(graph: GraphState, ids: Ids): Node[] {
  return [...ids].flatMap((id) => graph.nodes.get(id) ?? []);
}

export function capturable(nodes: readonly Node[]): Node[] {
  return nodes.filter(isCapturable);
}

/** Let go of all when all are pinned, else pin all; the latest are kept when there are too many. */
export function togglePins(ids: Ids): void {
  const now = pins.get();
  const next = isPinned(ids) ? [...now].filter((id) => !ids.has(id)) : [...[...now].filter((id) => !ids.has(id)), ...ids];
  pins.keep(new Set(next.slice(-MOST_PINNED)), (kept) => [...kept]);
}

/** Whether all of them are. */
export function isPinned(ids: Ids): boolean {
  const now = pins.get();
  return ids.size > 0 && [...ids].every((id) => now.has(id));
}
