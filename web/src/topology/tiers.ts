// SPDX-License-Identifier: Apache-2.0
// The default arrangement: in every group, what faces the wire on top, then bridges, their ports, and inner groups.
//
// Pure and without chance: the same graph always gives the same picture, and related things stand in lines.

import { kindOf, nameOf, type Kind } from "./appearance";
import { CELL, type Point } from "./placement";
import type { View, VisibleNode } from "./view";

const PADDING = 22;
const TITLE = 20;
const GAP = 34;
const HANDFUL = 4;
const NARROWEST_ROW = 5;
/** Width to height of a picture that suits the space beside the panel. */
const ASPECT = 1.15;

const TIERS: Readonly<Record<Kind, number>> = {
  interface: 0,
  tunnel: 0,
  vlan: 0,
  loopback: 0,
  bridge: 1,
  port: 2,
  veth: 2,
  tap: 2,
  host: 3,
  netns: 3,
  container: 3,
  vm: 3,
  other: 3,
};

/** Groups of many sizes leave gaps in their shelves: the width that suits best is found by trying. */
const WIDTHS = [1, 1.25, 1.55, 1.9] as const;

/** Something with a size: a leaf in its cell, or a group with its content already arranged. */
interface Block {
  readonly id: string;
  readonly width: number;
  readonly height: number;
  /** Places of the leaves inside, from the block's top left corner. */
  readonly leaves: ReadonlyMap<string, Point>;
}

interface Row {
  readonly blocks: readonly Block[];
  readonly width: number;
  readonly height: number;
}

export function arrange(view: View): Map<string, Point> {
  return new Map(new Arrangement(view).content(null).leaves);
}

class Arrangement {
  private readonly children = new Map<string | null, VisibleNode[]>();
  private readonly linked = new Map<string, string[]>();
  /** How far from the middle of its row each node stands that is already placed. */
  private readonly rank = new Map<string, number>();

  constructor(view: View) {
    for (const node of view.nodes.values()) push(this.children, node.parent, node);
    for (const { source, target } of view.edges.values()) {
      push(this.linked, source, target);
      push(this.linked, target, source);
    }
  }

  /** Arrange what is inside a group; null = the outermost level. */
  content(parent: string | null): Block {
    const inside = this.children.get(parent) ?? [];
    const leaves = inside.filter((node) => node.group !== "open");
    const groups = inside.filter((node) => node.group === "open");
    const rows = this.leafRows(leaves);
    const switches = groups.filter((group) => TIERS[kindOf(group.node)] < 3);
    const others = groups.filter((group) => !switches.includes(group));
    const blocks = [switches, others].flatMap((some) => this.byNeighbours(some)).map(({ id }) => this.framed(id));
    const wide = Math.max(0, ...[...rows, ...blocks].map((block) => block.width), balancedWidth(rows, blocks));
    return largestWhenFitted(WIDTHS.map((factor) => stacked(parent ?? "", [...rows, ...shelves(blocks, wide * factor)])));
  }

  private framed(group: string): Block {
    const { leaves, width, height } = this.content(group);
    return {
      id: group,
      width: width + 2 * PADDING,
      height: height + 2 * PADDING + TITLE,
      leaves: moved(leaves, { x: PADDING, y: PADDING + TITLE }),
    };
  }

  /** Rows of single nodes, one or more a tier, ordered so that lines between tiers cross little. */
  private leafRows(leaves: readonly VisibleNode[]): Row[] {
    const longest = Math.max(NARROWEST_ROW, Math.ceil(Math.sqrt(leaves.length * 1.8)));
    const rows: Row[] = [];
    for (const tier of tiersOf(leaves)) {
      const members = this.byNeighbours(tier);
      // Rows of a tier are about equally long: nobody stands alone below the others.
      const length = Math.ceil(members.length / Math.ceil(members.length / longest));
      for (let at = 0; at < members.length; at += length) {
        const line = members.slice(at, at + length);
        line.forEach((node, index) => this.rank.set(node.id, index - (line.length - 1) / 2));
        rows.push(row(line.map((node) => leafBlock(node.id)), 0));
      }
    }
    return rows;
  }

  /** By the mean place of what each is linked with, directly or through its content; then by name. */
  private byNeighbours(nodes: readonly VisibleNode[]): VisibleNode[] {
    const pull = new Map(nodes.map((node) => [node.id, this.pullOf(node.id)]));
    return [...nodes].sort(
      (a, b) => (pull.get(a.id) ?? 0) - (pull.get(b.id) ?? 0) || nameOf(a.node).localeCompare(nameOf(b.node), undefined, { numeric: true }),
    );
  }

  private pullOf(id: string): number {
    const places = this.reach(id).flatMap((other) => this.rank.get(other) ?? []);
    // What is linked with nothing goes to the end of its line.
    return places.length > 0 ? places.reduce((sum, place) => sum + place, 0) / places.length : this.loneliness(id);
  }

  private loneliness(id: string): number {
    return this.reach(id).length > 0 ? 1e6 : 1e7;
  }

  private reach(id: string): string[] {
    const own = this.linked.get(id) ?? [];
    return [...own, ...(this.children.get(id) ?? []).flatMap((child) => this.reach(child.id))];
  }
}

/** A handful of nodes needs no tiers. */
function tiersOf(leaves: readonly VisibleNode[]): VisibleNode[][] {
  if (leaves.length <= HANDFUL) return [[...leaves]];
  return [0, 1, 2, 3].map((tier) => leaves.filter((node) => TIERS[kindOf(node.node)] === tier));
}

function leafBlock(id: string): Block {
  const place = { x: CELL.width / 2, y: CELL.height / 2 - 8 };
  return { id, width: CELL.width, height: CELL.height, leaves: new Map([[id, place]]) };
}

function row(blocks: readonly Block[], gap: number): Row {
  const width = blocks.reduce((sum, block) => sum + block.width, 0) + gap * (blocks.length - 1);
  return { blocks, width, height: Math.max(...blocks.map((block) => block.height)) };
}

/** Width at which blocks come out in a pleasant shape together with the rows above them. */
function balancedWidth(rows: readonly Row[], blocks: readonly Block[]): number {
  if (blocks.length === 0) return 0;
  const area = [...rows, ...blocks].reduce((sum, block) => sum + (block.width + GAP) * (block.height + GAP), 0);
  return Math.sqrt(area * ASPECT);
}

/** The one that is shown largest in a frame of the wanted shape; the first of those alike. */
function largestWhenFitted(candidates: readonly Block[]): Block {
  const extent = ({ width, height }: Block): number => Math.max(width / ASPECT, height);
  return candidates.reduce((best, one) => (extent(one) < extent(best) - 1 ? one : best));
}

function shelves(blocks: readonly Block[], wide: number): Row[] {
  const rows: Row[] = [];
  let current: Block[] = [];
  for (const block of blocks) {
    if (current.length > 0 && row([...current, block], GAP).width > wide) {
      rows.push(row(current, GAP));
      current = [];
    }
    current.push(block);
  }
  if (current.length > 0) rows.push(row(current, GAP));
  return rows;
}

/** Rows one below the other, each in the middle. */
function stacked(id: string, rows: readonly Row[]): Block {
  const width = Math.max(CELL.width, ...rows.map((line) => line.width));
  const leaves = new Map<string, Point>();
  let y = 0;
  let framedAbove = false;
  for (const [index, line] of rows.entries()) {
    const framed = line.blocks.some((block) => block.leaves.size !== 1 || !block.leaves.has(block.id));
    if (index > 0 && (framed || framedAbove)) y += GAP;
    let x = (width - line.width) / 2;
    const gap = framed ? GAP : 0;
    for (const block of line.blocks) {
      for (const [leaf, place] of moved(block.leaves, { x, y })) leaves.set(leaf, place);
      x += block.width + gap;
    }
    y += line.height;
    framedAbove = framed;
  }
  return { id, width, height: Math.max(CELL.height, y), leaves };
}

function moved(places: ReadonlyMap<string, Point>, by: Point): Map<string, Point> {
  return new Map([...places].map(([id, { x, y }]) => [id, { x: x + by.x, y: y + by.y }]));
}

function push<K, V>(lists: Map<K, V[]>, key: K, value: V): void {
  const list = lists.get(key);
  if (list) list.push(value);
  else lists.set(key, [value]);
}
