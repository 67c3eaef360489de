// SPDX-License-Identifier: Apache-2.0
// What a node is marked as on the canvas: selected, picked, matched, captured.

import type { CollectionReturnValue } from "cytoscape";
import type { NodeCapture } from "../state/captures";

export interface Marks {
  readonly selected: string;
  readonly picked: readonly string[];
  readonly matched: ReadonlySet<string>;
  /** Ids of the edges that the selected line stands for. */
  readonly link: readonly string[];
  /** Nodes of the past that are there no more. */
  readonly gone: ReadonlySet<string>;
  readonly captures: ReadonlyMap<string, NodeCapture>;
}

export const noMarks: Marks = { selected: "", picked: [], matched: new Set(), link: [], gone: new Set(), captures: new Map() };

/** Nodes that may look different after a change of marks. */
export function touched(before: Marks, after: Marks): Set<string> {
  return new Set(
    [before, after].flatMap((of) => [of.selected, ...of.picked, ...of.matched, ...of.gone, ...of.captures.keys()]),
  );
}

export function applyMarks(element: CollectionReturnValue, marks: Marks): void {
  if (element.empty()) return;
  const id = element.id();
  element
    .toggleClass("selected", id === marks.selected)
    .toggleClass("picked", marks.picked.includes(id))
    .toggleClass("match", marks.matched.has(id))
    .toggleClass("gone", marks.gone.has(id));
  const capture = marks.captures.get(id);
  if (capture) element.data("capture", capture);
  else element.removeData("capture");
}
