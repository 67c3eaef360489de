// SPDX-License-Identifier: Apache-2.0
// The lines of the canvas: which there are, which is selected, and what they say of their traffic.

import type { Core, EdgeSingular } from "cytoscape";
import type { LinkTraffic } from "./traffic";
import type { View, VisibleEdge } from "./view";

export function removeLinks(cy: Core, view: View): void {
  cy.edges()
    .filter((edge) => !view.edges.has(edge.id()))
    .remove();
}

export function showLinks(cy: Core, view: View): void {
  for (const link of view.edges.values()) {
    const known = cy.getElementById(link.id);
    if (known.empty()) cy.add({ group: "edges", data: { ...link } });
    else update(known, link);
  }
}

/** Views are made anew all the time; lines are touched only where they differ. */
function update(line: EdgeSingular, link: VisibleEdge): void {
  const { source, target, kind, count, edges } = link;
  if (line.data("source") !== source || line.data("target") !== target) line.move({ source, target });
  if (line.data("kind") !== kind || line.data("count") !== count || !same(edgesOf(line), edges)) {
    line.data({ kind, count, edges });
  }
}

function same(before: readonly string[], now: readonly string[]): boolean {
  return before === now || (before.length === now.length && before.every((id, at) => id === now[at]));
}

/** `chosen` are ids of edges of the graph; a line is selected that stands for one of them. */
export function markLinks(cy: Core, chosen: readonly string[]): void {
  cy.edges(".selected").removeClass("selected");
  if (chosen.length === 0) return;
  cy.edges()
    .filter((edge) => edgesOf(edge).some((id) => chosen.includes(id)))
    .addClass("selected");
}

/** Lines that are not in `traffic` say nothing any more. */
export function labelLinks(cy: Core, traffic: ReadonlyMap<string, LinkTraffic>): void {
  for (const edge of cy.edges("[rate]")) if (!traffic.has(edge.id())) edge.removeData("rate load weight");
  for (const [id, { label, load, weight }] of traffic) {
    const edge = cy.getElementById(id);
    if (edge.nonempty() && edge.data("rate") !== label) edge.data({ rate: label, load, weight });
  }
}

function edgesOf(edge: EdgeSingular): readonly string[] {
  return edge.data("edges") as readonly string[];
}
