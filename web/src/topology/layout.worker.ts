// SPDX-License-Identifier: Apache-2.0
// Computes a layout away from the main thread: a headless Cytoscape with fcose.

import cytoscape from "cytoscape";
import fcose from "cytoscape-fcose";
import type { LayoutJob, LayoutResult } from "./layout";

cytoscape.use(fcose);

/** The job's elements always come out at the same places: nothing of the picture depends on chance. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

self.onmessage = (event: MessageEvent<LayoutJob>) => {
  const { id, nodes, edges } = event.data;
  Math.random = seeded(42);
  const cy = cytoscape({
    headless: true,
    styleEnabled: true,
    style: [{ selector: "node", style: { width: "data(width)", height: "data(height)", padding: "18px" } }],
    elements: [
      ...nodes.map((data) => ({ group: "nodes" as const, data: { ...data } })),
      ...edges.map((data) => ({ group: "edges" as const, data: { ...data } })),
    ],
  });
  const layout = cy.layout({
    name: "fcose",
    quality: "default",
    animate: false,
    randomize: true,
    fit: false,
    nodeDimensionsIncludeLabels: false,
    packComponents: false,
    nodeRepulsion: () => 9000,
    idealEdgeLength: () => 110,
    nodeSeparation: 90,
    gravity: 0.4,
    gravityCompound: 1.4,
    nestingFactor: 0.3,
    tile: true,
    tilingPaddingVertical: 14,
    tilingPaddingHorizontal: 14,
  } as cytoscape.LayoutOptions);
  layout.run();
  const positions = cy
    .nodes()
    .filter((node) => node.isChildless())
    .map((node) => [node.id(), { ...(node as cytoscape.NodeSingular).position() }] as const);
  cy.destroy();
  self.postMessage({ id, positions } satisfies LayoutResult);
};
