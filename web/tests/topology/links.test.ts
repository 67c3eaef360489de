// SPDX-License-Identifier: Apache-2.0
import cytoscape from "cytoscape";
import { expect, it } from "vitest";
import { showLinks } from "../../src/topology/links";
import { project } from "../../src/topology/view";
import { edge, graphOf, node } from "../builders";

const hosts = [node("h1", { Type: "host" }), node("h2", { Type: "host" }), node("h3", { Type: "host" })];
const inside = ["a", "b"].map((id) => node(id));
const owned = [edge("h1", "a"), edge("h2", "b")];

/** The canvas after two graphs, with all groups closed. */
function after(first: ReturnType<typeof edge>[], second: ReturnType<typeof edge>[]): cytoscape.Core {
  const cy = cytoscape({ headless: true, elements: hosts.map(({ ID: id }) => ({ data: { id } })) });
  for (const links of [first, second]) {
    const view = project(graphOf([...hosts, ...inside], [...owned, ...links]), 0, new Map());
    cy.edges().filter((line) => !view.edges.has(line.id())).remove();
    showLinks(cy, view);
  }
  return cy;
}

it("leads from a line between closed groups to the edges that it stands for now", () => {
  const before = { ...edge("a", "b", "layer2"), ID: "e1" };
  const cy = after([before], [{ ...before, ID: "e2" }]);

  expect(cy.edges().map((line) => line.data("edges") as string[])).toEqual([["e2"]]);
});

it("draws a link between the ends that it has now, and as the kind that it is now", () => {
  const before = { ...edge("h1", "h2", "layer2"), ID: "e1" };
  const cy = after([before], [{ ...before, Child: "h3", Metadata: { RelationType: "layer2", Type: "veth" } }]);

  expect(cy.edges().map((line) => [line.source().id(), line.target().id(), line.data("kind") as string])).toEqual([
    ["h1", "h3", "veth"],
  ]);
});
