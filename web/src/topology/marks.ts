// SPDX-License-Identifier: Apache-2.0
// What a node is marked as on the canvas: selected, picked, matched, captured.

import type { CollectionReturnValue, Core } from "cytoscape";
import type { NodeCapture } from "../state/captures";
import type { Found } from "./matching";
import type { View } from "./view";

export interface Marks {
  readonly selected: string;
  /** Chosen together with others. */
  readonly chosen: ReadonlySet<string>;
  /** They stay when the map is arranged. */
  readonly pinned: ReadonlySet<string>;
  readonly picked: readonly string[];
  readonly matched: ReadonlySet<string>;
  /** Ids of the edges that the selected line stands for. */
  readonly link: readonly string[];
  /** Nodes of the past that are there no more. */
  readonly gone: ReadonlySet<string>;
  readonly captures: ReadonlyMap<string, NodeCapture>;
}

const NONE: ReadonlySet<string> = new Set();
export const noMarks: Marks = {
  selected: "",
  chosen: NONE,
  pinned: NONE,
  picked: [],
  matched: NONE,
  link: [],
  gone: NONE,
  captures: new Map(),
};

/** Nodes that may look different after a change of marks. */
export function touched(before: Marks, after: Marks): Set<string> {
  return new Set(
    [before, after].flatMap((of) => [
      of.selected,
      ...of.chosen,
      ...of.pinned,
      ...of.picked,
      ...of.matched,
      ...of.gone,
      ...of.captures.keys(),
    ]),
  );
}

export function applyMarks(element: CollectionReturnValue, marks: Marks): void {
  if (element.empty()) return;
  const id = element.id();
  element
    .toggleClass("selected", id === marks.selected || marks.chosen.has(id))
    .toggleClass("pinned", marks.pinned.has(id))
    .toggleClass("picked", marks.picked.includes(id))
    .toggleClass("match", marks.matched.has(id))
    .toggleClass("gone", marks.gone.has(id));
  const capture = marks.captures.get(id);
  if (capture) element.data("capture", capture);
  else element.removeData("capture");
}

/** What of a view stands for something that was found: nodes, closed groups around some, lines. */
export function foundIn(view: View, { nodes, edges }: Found): Found {
  const shown = [...nodes].flatMap((id) => view.shownAs.get(id) ?? []);
  const lines = [...view.edges.values()].filter((line) => line.edges.some((id) => edges.has(id)));
  return { nodes: new Set(shown), edges: new Set(lines.map(({ id }) => id)) };
}

/** Let what was found stand out, or, with null, everything look alike again. */
export function emphasise(cy: Core, found: Found | null): void {
  for (const node of cy.nodes()) {
    const is = found?.nodes.has(node.id()) === true;
    node.toggleClass("found", is).toggleClass("dim", found !== null && !is);
  }
  for (const edge of cy.edges()) edge.toggleClass("dim", found?.edges.has(edge.id()) === false);
}
