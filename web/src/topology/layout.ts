// SPDX-License-Identifier: Apache-2.0
// Asks the layout worker for positions of all that is visible; only the answer to the latest question counts.

import { CELL, type Point } from "./placement";
import type { View } from "./view";

export interface LayoutJob {
  readonly id: number;
  readonly nodes: readonly { id: string; parent?: string; width: number; height: number }[];
  readonly edges: readonly { id: string; source: string; target: string }[];
}

export interface LayoutResult {
  readonly id: number;
  readonly positions: readonly (readonly [string, Point])[];
}

export class LayoutWorker {
  private worker: Worker | null = null;
  private latest = 0;

  run(view: View, done: (positions: Map<string, Point>) => void): void {
    this.worker ??= new Worker(new URL("./layout.worker.ts", import.meta.url), { type: "module" });
    this.latest += 1;
    const job = toJob(this.latest, view);
    this.worker.onmessage = (event: MessageEvent<LayoutResult>) => {
      if (event.data.id === this.latest) done(new Map(event.data.positions));
    };
    this.worker.postMessage(job);
  }

  close(): void {
    this.worker?.terminate();
    this.worker = null;
  }
}

function toJob(id: number, view: View): LayoutJob {
  const nodes = [...view.nodes.values()].map((node) => ({
    id: node.id,
    ...(node.parent ? { parent: node.parent } : {}),
    width: CELL.width - 18,
    height: CELL.height - 18,
  }));
  const edges = [...view.edges.values()].map(({ id: edge, source, target }) => ({ id: edge, source, target }));
  return { id, nodes, edges };
}
