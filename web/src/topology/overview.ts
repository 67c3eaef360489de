// SPDX-License-Identifier: Apache-2.0
// A small picture of the whole map with the part that is seen. What stands where is drawn anew only when something has
// moved, and then at most a few times a second; a move of the view draws that picture and one rectangle.

import type { Core } from "cytoscape";
import type { Box, Point, Size } from "./placement";

export interface Scale {
  readonly factor: number;
  readonly x: number;
  readonly y: number;
}

export interface Inks {
  readonly node: string;
  readonly frame: string;
  readonly view: string;
}

const PADDING = 6;
const REDRAW_MS = 250;
const MOVES = "position add remove";
/** Of the larger map, so that the view's rectangle can be grasped. */
const LEAST_VIEW = 6;

/** How a box of the map fits into a picture, in its middle. */
export function scaleOf(box: Box, { width, height }: Size): Scale {
  const [wide, high] = [Math.max(1, box.x2 - box.x1), Math.max(1, box.y2 - box.y1)];
  const factor = Math.min((width - 2 * PADDING) / wide, (height - 2 * PADDING) / high);
  return {
    factor,
    x: (width - wide * factor) / 2 - box.x1 * factor,
    y: (height - high * factor) / 2 - box.y1 * factor,
  };
}

export class Overview {
  private readonly still = document.createElement("canvas");
  private scale: Scale = { factor: 1, x: 0, y: 0 };
  private timer: ReturnType<typeof setTimeout> | null = null;
  private frame = 0;
  private readonly moved = (): void => {
    this.timer ??= setTimeout(() => this.redraw(), REDRAW_MS);
  };
  private readonly looked = (): void => {
    this.frame ||= requestAnimationFrame(() => this.show());
  };

  /** `inks` are asked at each drawing: the theme may have changed. */
  constructor(
    private readonly cy: Core,
    private readonly screen: HTMLCanvasElement,
    private readonly inks: () => Inks,
  ) {
    const { clientWidth, clientHeight } = screen;
    const ratio = window.devicePixelRatio;
    for (const canvas of [screen, this.still]) {
      canvas.width = clientWidth * ratio;
      canvas.height = clientHeight * ratio;
      canvas.getContext("2d")?.scale(ratio, ratio);
    }
    cy.on(MOVES, this.moved);
    cy.on("viewport resize", this.looked);
    this.redraw();
  }

  close(): void {
    if (this.timer) clearTimeout(this.timer);
    cancelAnimationFrame(this.frame);
    this.cy.off(MOVES, this.moved);
    this.cy.off("viewport resize", this.looked);
  }

  /** Bring what is at this place of the picture to the middle of the map. */
  look({ x, y }: Point): void {
    const zoom = this.cy.zoom();
    const at = { x: (x - this.scale.x) / this.scale.factor, y: (y - this.scale.y) / this.scale.factor };
    this.cy.pan({ x: this.cy.width() / 2 - at.x * zoom, y: this.cy.height() / 2 - at.y * zoom });
  }

  redraw(): void {
    this.timer = null;
    const paper = this.still.getContext("2d");
    if (!paper) return;
    const size = { width: this.screen.clientWidth, height: this.screen.clientHeight };
    paper.clearRect(0, 0, size.width, size.height);
    if (this.cy.nodes().nonempty()) {
      this.scale = scaleOf(this.cy.nodes().boundingBox({ includeLabels: false }), size);
      this.draw(paper);
    }
    this.show();
  }

  private draw(paper: CanvasRenderingContext2D): void {
    const { node: ink, frame } = this.inks();
    const { factor, x, y } = this.scale;
    const dot = Math.max(1.5, 36 * factor);
    paper.fillStyle = ink;
    paper.strokeStyle = frame;
    for (const node of this.cy.nodes()) {
      if (node.isChildless()) {
        const at = node.position();
        paper.fillRect(at.x * factor + x - dot / 2, at.y * factor + y - dot / 2, dot, dot);
      } else if (node.isOrphan()) {
        const { x1, y1, w, h } = node.boundingBox({ includeLabels: false });
        paper.strokeRect(x1 * factor + x, y1 * factor + y, w * factor, h * factor);
      }
    }
  }

  private show(): void {
    this.frame = 0;
    const paper = this.screen.getContext("2d");
    if (!paper) return;
    const { clientWidth, clientHeight } = this.screen;
    const { x1, y1, w, h } = this.cy.extent();
    const { factor, x, y } = this.scale;
    paper.clearRect(0, 0, clientWidth, clientHeight);
    paper.drawImage(this.still, 0, 0, clientWidth, clientHeight);
    paper.strokeStyle = this.inks().view;
    paper.lineWidth = 1.5;
    paper.strokeRect(x1 * factor + x, y1 * factor + y, Math.max(LEAST_VIEW, w * factor), Math.max(LEAST_VIEW, h * factor));
  }
}
