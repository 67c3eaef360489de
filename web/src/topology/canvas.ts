// SPDX-License-Identifier: Apache-2.0
// Keeps a Cytoscape canvas equal to a view. Positions belong to this class: what is placed stays where it is.

import cytoscape, { type Core, type NodeSingular } from "cytoscape";
import type { Theme } from "../state/theme";
import { claimStyleElement, dataOf } from "./element";
import { listen, type Gestures } from "./gestures";
import { LayoutWorker } from "./layout";
import { labelLinks, markLinks, removeLinks, showLinks } from "./links";
import { applyMarks, emphasise, noMarks, touched, type Marks } from "./marks";
import type { Found } from "./matching";
import { placeNewcomers } from "./newcomers";
import { Overview, type Inks } from "./overview";
import { middle, pushApart, type Box, type Point } from "./placement";
import { PositionMemory } from "./positions";
import { pins } from "./selection";
import { canvasStyle } from "./style";
import { arrange } from "./tiers";
import { Titles } from "./titles";
import type { LinkTraffic } from "./traffic";
import type { View, VisibleNode } from "./view";

const GROUP_GAP = 34;
/** Elements from which on a picture is moved while the hand moves, and drawn anew when it rests. */
const MANY = 400;
const ORIGIN = { x: 0, y: 0 };
const FLASH_MS = 1600;
const FIT_PADDING = 30;

export class Canvas {
  private readonly cy: Core;
  private readonly layout = new LayoutWorker();
  private view: View | null = null;
  private marks: Marks = noMarks;
  private fitted = false;
  private emphasised = false;
  private readonly titles: Titles;

  constructor(
    container: HTMLElement,
    theme: Theme,
    gestures: Gestures,
    private readonly positions = new PositionMemory(),
  ) {
    claimStyleElement();
    this.cy = cytoscape({
      container,
      style: canvasStyle(theme),
      minZoom: 0.05,
      maxZoom: 3,
      boxSelectionEnabled: gestures.onBox !== undefined,
      // What is chosen is the page's to know, which outlives a redrawing.
      autounselectify: true,
    });
    listen(this.cy, gestures);
    this.titles = new Titles(this.cy);
    this.cy.on("dragfree", "node", () => this.remember());
  }

  show(view: View): void {
    const before = this.view;
    this.view = view;
    const fresh = [...view.nodes.values()].filter((node) => node.group !== "open" && !this.positions.has(node.id));
    const unknown = fresh.length > Math.max(1, (view.nodes.size - fresh.length) / 2);
    if (unknown) this.place(arrange(view));
    else this.placeFresh(view, fresh);
    this.cy.batch(() => {
      this.removeGone(view);
      this.addAndUpdate(view, before);
      showLinks(this.cy, view);
      markLinks(this.cy, this.marks.link);
    });
    if (unknown) this.place(this.positions.all());
    else if (fresh.length > 0) this.makeRoom(fresh);
    if ((unknown || !this.fitted) && view.nodes.size > 0) this.fit();
    moveAsPicture(this.cy, view.nodes.size + view.edges.size > MANY);
  }

  mark(marks: Marks): void {
    const before = this.marks;
    this.marks = marks;
    this.cy.batch(() => {
      for (const id of touched(before, marks)) applyMarks(this.cy.getElementById(id), marks);
      if (before.link !== marks.link) markLinks(this.cy, marks.link);
    });
  }

  /** Dim everything but these nodes and lines; null = nothing. After each new view, which may have others. */
  emphasise(found: Found | null): void {
    if (found === null && !this.emphasised) return;
    this.emphasised = found !== null;
    this.cy.batch(() => emphasise(this.cy, found));
  }

  /** Say on the lines what they carry; an empty map makes them silent. */
  label(traffic: ReadonlyMap<string, LinkTraffic>): void {
    this.cy.batch(() => labelLinks(this.cy, traffic));
  }

  setTheme(theme: Theme): void {
    this.cy.style(canvasStyle(theme));
  }

  /** Bring a node to the middle and let it shine for a moment. */
  flash(id: string): void {
    const node = this.cy.getElementById(id);
    if (node.empty()) return;
    const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.cy.animate({ center: { eles: node }, zoom: Math.max(this.cy.zoom(), 0.9), duration: still ? 0 : 300 });
    node.addClass("flash");
    setTimeout(() => node.removeClass("flash"), FLASH_MS);
  }

  /** Draw the whole map small on this canvas, until it is closed. */
  overview(screen: HTMLCanvasElement, inks: () => Inks): Overview {
    return new Overview(this.cy, screen, inks);
  }

  /** Shift what is seen by so many pixels of the screen. */
  move(x: number, y: number): void {
    this.cy.panBy({ x, y });
  }

  zoomBy(factor: number): void {
    const level = this.cy.zoom() * factor;
    this.cy.zoom({ level, renderedPosition: { x: this.cy.width() / 2, y: this.cy.height() / 2 } });
  }

  fit(): void {
    this.fitted = true;
    // A move to a node that was searched for may still be on its way.
    this.cy.stop();
    this.cy.fit(undefined, FIT_PADDING);
    if (this.cy.zoom() > 1.25) this.cy.zoom({ level: 1.25, position: this.boxMiddle() });
    this.cy.center();
  }

  /** Give everything its place in the default arrangement. */
  arrange(): void {
    if (!this.view) return;
    this.rearrange(arrange(this.view));
  }

  /** Let the links decide: nodes that are linked come near each other. Computed in the worker. */
  arrangeByLinks(): void {
    if (!this.view || this.view.nodes.size === 0) return;
    this.layout.run(this.view, (places) => {
      this.rearrange(places);
    });
  }

  /** Where a node is on the screen, for tests that click it. */
  rendered(id: string): Point | null {
    const node = this.cy.getElementById(id);
    return node.empty() ? null : (node as unknown as NodeSingular).renderedPosition();
  }

  resize(): void {
    this.cy.resize();
  }

  close(): void {
    this.layout.close();
    this.cy.destroy();
  }

  /** Pinned nodes stay, whatever comes upon them. */
  private rearrange(places: ReadonlyMap<string, Point>): void {
    const pinned = pins.get();
    this.place([...places].filter(([id]) => !pinned.has(id)));
    this.remember();
    this.fit();
  }

  private place(places: Iterable<readonly [string, Point]>): void {
    this.cy.batch(() => {
      for (const [id, point] of places) {
        this.positions.set(id, point);
        this.cy.getElementById(id).position({ ...point });
      }
    });
  }

  private placeFresh(view: View, fresh: readonly VisibleNode[]): void {
    this.placeOpened(view, fresh);
    for (const [id, place] of placeNewcomers(view, this.positions.all())) this.positions.set(id, place);
  }

  /** The content of a group that was just opened comes arranged, around the place where the group was. */
  private placeOpened(view: View, fresh: readonly VisibleNode[]): void {
    const opened = new Set(fresh.map((node) => node.parent).filter((id) => id !== null && this.isClosed(id)));
    if (opened.size === 0) return;
    const arranged = arrange(view);
    for (const group of opened) {
      const inside = fresh.filter((node) => node.parent === group).flatMap(({ id }) => arranged.get(id) ?? []);
      const at = middle(inside);
      const to = { ...(this.cy.getElementById(group ?? "") as unknown as NodeSingular).position() };
      for (const { id, parent } of fresh) {
        const place = parent === group ? arranged.get(id) : undefined;
        if (place) this.positions.set(id, { x: place.x - at.x + to.x, y: place.y - at.y + to.y });
      }
    }
  }

  private isClosed(id: string): boolean {
    return this.cy.getElementById(id).hasClass("closed");
  }

  private removeGone(view: View): void {
    removeLinks(this.cy, view);
    const gone = this.cy.nodes().filter((node) => !view.nodes.has(node.id()));
    // Children that stay are moved out first: removing a compound node would take them along.
    gone
      .children()
      .filter((child) => view.nodes.has(child.id()))
      .move({ parent: null });
    gone.remove();
  }

  private addAndUpdate(view: View, before: View | null): void {
    for (const node of view.nodes.values()) {
      const element = this.cy.getElementById(node.id);
      if (element.empty()) this.add(node);
      else this.update(element, node, before?.nodes.get(node.id));
    }
  }

  private add(node: VisibleNode): void {
    const data = { ...dataOf(node), ...(node.parent ? { parent: node.parent } : {}) };
    const classes = [node.group ?? "", node.parent ? "" : "outermost"];
    const added = this.cy.add({ group: "nodes", data, position: { ...(this.positions.get(node.id) ?? ORIGIN) }, classes });
    if (!node.parent) this.titles.put(added);
    applyMarks(added, this.marks);
  }

  /** Touch only what looks different now: most updates of a node change nothing that is drawn. */
  private update(element: NodeSingular, node: VisibleNode, before: VisibleNode | undefined): void {
    if (before?.node === node.node && before.group === node.group && before.holds === node.holds) {
      if (before.parent === node.parent) return;
    }
    if ((element.parent().first().id() as string | undefined) !== (node.parent ?? undefined)) {
      element.move({ parent: node.parent });
    }
    const current = this.cy.getElementById(node.id);
    for (const [key, value] of Object.entries(dataOf(node))) if (current.data(key) !== value) current.data(key, value);
    if (before?.group === node.group) return;
    current.toggleClass("open", node.group === "open").toggleClass("closed", node.group === "closed");
  }

  private levelOf(parent: string | null): NodeSingular[] {
    return this.cy.nodes().toArray().filter((node) => ((node.data("parent") as string | undefined) ?? null) === parent);
  }

  /** Groups that grew push their neighbours away, level by level, outwards. */
  private makeRoom(fresh: readonly VisibleNode[]): void {
    const levels = new Set(fresh.map((node) => node.parent));
    for (const start of levels) {
      for (let grown = start; grown; grown = this.view?.nodes.get(grown)?.parent ?? null) this.pushNeighbours(grown);
    }
    this.remember();
  }

  private pushNeighbours(grown: string): void {
    const parent = this.view?.nodes.get(grown)?.parent ?? null;
    const boxes = new Map<string, Box>();
    for (const node of this.levelOf(parent)) {
      const { x1, y1, x2, y2 } = node.boundingBox({ includeLabels: true });
      boxes.set(node.id(), { x1, y1, x2, y2 });
    }
    this.cy.batch(() => {
      for (const [id, by] of pushApart(boxes, grown, GROUP_GAP)) this.cy.getElementById(id).shift({ ...by });
    });
  }

  private boxMiddle(): Point {
    const { x1, x2, y1, y2 } = this.cy.elements().boundingBox({});
    return { x: (x1 + x2) / 2, y: (y1 + y2) / 2 };
  }

  private remember(): void {
    for (const node of this.cy.nodes()) if (node.isChildless()) this.positions.set(node.id(), { ...node.position() });
    this.positions.save();
  }
}

/** Cytoscape takes this wish when it begins only, but looks at it at each frame. */
function moveAsPicture(cy: Core, wanted: boolean): void {
  (cy as unknown as { renderer(): { textureOnViewport: boolean } }).renderer().textureOnViewport = wanted;
}
