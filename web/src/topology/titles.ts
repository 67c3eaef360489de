// SPDX-License-Identifier: Apache-2.0
// Names of hosts stay legible however far away one is; in steps, for each makes Cytoscape measure all frames.

import type { CollectionReturnValue, Core, NodeSingular } from "cytoscape";

const LARGEST_LABEL = 18;
const SIZES = [13, 18, 25, 36, 52, 76] as const;

export class Titles {
  private size = 13;

  constructor(private readonly cy: Core) {
    cy.on("zoom", () => this.keepReadable());
  }

  /** A frame has room for a large title, a single node has not. */
  put(node: CollectionReturnValue | NodeSingular): void {
    node.style("font-size", node.hasClass("open") ? this.size : Math.min(this.size, LARGEST_LABEL));
  }

  private keepReadable(): void {
    const wanted = 9.5 / this.cy.zoom();
    const size = SIZES.find((one) => one >= wanted) ?? 76;
    if (size === this.size) return;
    this.size = size;
    for (const node of this.cy.nodes(".outermost")) this.put(node);
  }
}
