// SPDX-License-Identifier: Apache-2.0
// Places for nodes that have none: beside what they are linked with, else beside their kin, clear of all frames.
//
// Pure: what the canvas draws follows from it, never the other way round.

import { mayBecomeGroup } from "./element";
import { CELL, freeCell, GROUP_ROOM, middle, type Box, type Point, type Size } from "./placement";
import type { View, VisibleNode } from "./view";

const FRAME = 24;
const TITLE = 20;

/** Return places for the nodes of `view` that `known` has none for; nothing that is known moves. */
export function placeNewcomers(view: View, known: ReadonlyMap<string, Point>): Map<string, Point> {
  return new Newcomers(view, known).placed;
}

class Newcomers {
  readonly placed = new Map<string, Point>();
  private readonly children = new Map<string | null, VisibleNode[]>();
  private readonly linked = new Map<string, string[]>();
  /** Middles of groups whose content is still to be placed. */
  private readonly seats = new Map<string, Point>();

  constructor(
    view: View,
    private readonly known: ReadonlyMap<string, Point>,
  ) {
    for (const node of view.nodes.values()) append(this.children, node.parent, node);
    for (const { source, target } of view.edges.values()) {
      append(this.linked, source, target);
      append(this.linked, target, source);
    }
    // A view names groups before what is in them.
    for (const node of view.nodes.values()) this.seat(node);
  }

  private seat(node: VisibleNode): void {
    if (node.group === "open") {
      if (!this.boxOf(node)) this.seats.set(node.id, this.known.get(node.id) ?? this.freePlace(node, GROUP_ROOM));
    } else if (!this.known.has(node.id)) {
      this.placed.set(node.id, this.freePlace(node, mayBecomeGroup(node) ? GROUP_ROOM : CELL));
    }
  }

  private freePlace(node: VisibleNode, room: Size): Point {
    const level = (this.children.get(node.parent) ?? []).filter((other) => other.id !== node.id);
    const points = level.flatMap((other) => (other.group === "open" ? [] : (this.placeOf(other.id) ?? [])));
    const boxes = level.flatMap((other) => (other.group === "open" ? (this.boxOf(other) ?? []) : []));
    const mates = (this.linked.get(node.id) ?? []).filter((id) => level.some((other) => other.id === id));
    const near = mates.flatMap((id) => this.placeOf(id) ?? []);
    const seat = (node.parent === null ? undefined : this.seats.get(node.parent)) ?? middle(boxes.map(middleOf));
    const wanted = near.length > 0 ? middle(near) : points.length > 0 ? middle(points) : seat;
    return freeCell(wanted, points[0] ?? wanted, { points, boxes }, room);
  }

  private placeOf(id: string): Point | undefined {
    return this.placed.get(id) ?? this.known.get(id);
  }

  /** The frame around a group's content, or the room kept for it; null when it has neither yet. */
  private boxOf(group: VisibleNode): Box | null {
    const inside = (this.children.get(group.id) ?? []).flatMap((child) => this.extentOf(child) ?? []);
    const seat = this.seats.get(group.id);
    if (inside.length === 0) return seat ? around(seat, GROUP_ROOM) : null;
    return {
      x1: Math.min(...inside.map((box) => box.x1)) - FRAME,
      y1: Math.min(...inside.map((box) => box.y1)) - FRAME - TITLE,
      x2: Math.max(...inside.map((box) => box.x2)) + FRAME,
      y2: Math.max(...inside.map((box) => box.y2)) + FRAME,
    };
  }

  private extentOf(node: VisibleNode): Box | null {
    if (node.group === "open") return this.boxOf(node);
    const place = this.placeOf(node.id);
    return place ? around(place, CELL) : null;
  }
}

function around({ x, y }: Point, { width, height }: Size): Box {
  return { x1: x - width / 2, y1: y - height / 2, x2: x + width / 2, y2: y + height / 2 };
}

function middleOf({ x1, y1, x2, y2 }: Box): Point {
  return { x: (x1 + x2) / 2, y: (y1 + y2) / 2 };
}

function append<K, V>(lists: Map<K, V[]>, key: K, value: V): void {
  const list = lists.get(key);
  if (list) list.push(value);
  else lists.set(key, [value]);
}
