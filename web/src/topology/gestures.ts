// SPDX-License-Identifier: Apache-2.0
// What a hand does on the canvas: it picks one thing, takes several, opens and closes groups.

import type { Core, EdgeSingular, EventObject, NodeSingular } from "cytoscape";

export interface Gestures {
  onPick(id: string): void;
  /** A line that stands for these edges, and how many there are of them. */
  onPickLink(edges: readonly string[], count: number): void;
  onToggle(id: string): void;
  /** A click with Shift or Ctrl, which takes it to the others or away from them. */
  onTake?(id: string): void;
  /** A box that was drawn with Shift or Ctrl. */
  onBox?(ids: readonly string[]): void;
  onNothing?(): void;
}

export function listen(cy: Core, gestures: Gestures): void {
  cy.on("tap", "node", (event) => {
    const id = (event.target as NodeSingular).id();
    if (gestures.onTake && withOthers(event)) gestures.onTake(id);
    else gestures.onPick(id);
  });
  cy.on("tap", "edge", (event) => {
    const edge = event.target as EdgeSingular;
    gestures.onPickLink(edge.data("edges") as readonly string[], edge.data("count") as number);
  });
  cy.on("tap", (event) => {
    if (event.target === cy && !withOthers(event)) gestures.onNothing?.();
  });
  cy.on("dbltap", "node", (event) => gestures.onToggle((event.target as NodeSingular).id()));
  listenToBoxes(cy, gestures);
}

/** Cytoscape tells of each element by itself, in one turn. */
function listenToBoxes(cy: Core, gestures: Gestures): void {
  let boxed: string[] = [];
  cy.on("box", "node", (event) => {
    const node = event.target as NodeSingular;
    // The frame around it is touched by every box inside it.
    if (!node.isChildless()) return;
    if (boxed.length === 0) {
      queueMicrotask(() => {
        gestures.onBox?.(boxed);
        boxed = [];
      });
    }
    boxed.push(node.id());
  });
}

function withOthers({ originalEvent: by }: EventObject): boolean {
  return by instanceof MouseEvent && (by.shiftKey || by.ctrlKey || by.metaKey);
}
