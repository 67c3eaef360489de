// SPDX-License-Identifier: Apache-2.0
// Which part of the graph is on the canvas: nested groups by ownership, closed groups standing for what they hide.

import type { Edge, Node } from "../api/types";
import type { GraphState } from "../state/graph";
import { MOST_NAMED } from "../state/link";
import { text } from "../state/metadata";
import type { Found } from "./matching";

export interface VisibleNode {
  readonly id: string;
  readonly node: Node;
  /** The open group around it. */
  readonly parent: string | null;
  readonly group: "open" | "closed" | null;
  /** Nodes inside a closed group. */
  readonly holds: number;
}

export interface VisibleEdge {
  readonly id: string;
  readonly source: string;
  readonly target: string;
  readonly kind: string;
  /** How many edges this line stands for. */
  readonly count: number;
  /** The first of them. */
  readonly edges: readonly string[];
}

export interface View {
  readonly nodes: ReadonlyMap<string, VisibleNode>;
  readonly edges: ReadonlyMap<string, VisibleEdge>;
  /** By what each node is shown: by itself, or by the closed group around it. */
  readonly shownAs: ReadonlyMap<string, string>;
  /** All nodes that could be shown. */
  readonly total: number;
  /** Nodes inside closed groups. */
  readonly hidden: number;
  readonly closedGroups: number;
  /** Nodes that the map's query does not find. */
  readonly filtered: number;
}

/** How deep groups are open unless the user said otherwise; by size, so that the canvas stays readable and fast. */
export function automaticDepth(total: number): number {
  if (total <= 250) return Number.POSITIVE_INFINITY;
  return total <= 3000 ? 1 : 0;
}

/** OpenFlow rules are table rows, not places in a network. */
const NEVER_DRAWN = new Set(["ofrule", "ofgroup"]);

/** With `only`, nothing else is shown but what this is inside of. */
export function project(
  graph: GraphState,
  openDepth: number,
  chosen: ReadonlyMap<string, boolean>,
  only: Found | null = null,
): View {
  const { places, ...rest } = skeletonOf(graph, openDepth, chosen, only);
  const nodes = new Map<string, VisibleNode>();
  for (const place of places) {
    const node = graph.nodes.get(place.id);
    if (node) nodes.set(place.id, { ...place, node });
  }
  return { ...rest, nodes };
}

type Place = Omit<VisibleNode, "node">;

/** A view but for the metadata of its nodes, which changes all the time. */
interface Skeleton extends Omit<View, "nodes"> {
  readonly openDepth: number;
  readonly chosen: ReadonlyMap<string, boolean>;
  readonly only: Found | null;
  readonly places: readonly Place[];
}

const skeletons = new WeakMap<object, Skeleton>();

function skeletonOf(
  graph: GraphState,
  openDepth: number,
  chosen: ReadonlyMap<string, boolean>,
  only: Found | null,
): Skeleton {
  const known = skeletons.get(graph.structure);
  if (known?.openDepth === openDepth && known.chosen === chosen && known.only === only) return known;
  const made = { openDepth, chosen, only, ...skeleton(graph, openDepth, chosen, only) };
  skeletons.set(graph.structure, made);
  return made;
}

function skeleton(
  graph: GraphState,
  openDepth: number,
  chosen: ReadonlyMap<string, boolean>,
  only: Found | null,
): Omit<Skeleton, "openDepth" | "chosen" | "only"> {
  const tree = new OwnershipTree(graph);
  const total = tree.size;
  if (only) tree.narrow(only.nodes);
  const places = new Map<string, Place>();
  const shownAs = new Map<string, string>();
  let closedGroups = 0;

  const show = (id: string, parent: string | null, depth: number): void => {
    const children = tree.children(id);
    const open = children.length > 0 && (chosen.get(id) ?? depth < openDepth);
    const inside = open || children.length === 0 ? [] : tree.descendants(id);
    const group = children.length === 0 ? null : open ? "open" : "closed";
    places.set(id, { id, parent, group, holds: inside.length });
    shownAs.set(id, id);
    for (const hidden of inside) shownAs.set(hidden, id);
    if (group === "closed") closedGroups += 1;
    if (open) for (const child of children) show(child, id, depth + 1);
  };
  for (const root of tree.roots) show(root, null, 0);

  const drawn = only ? [...only.edges].flatMap((id) => graph.edges.get(id) ?? []) : graph.edges.values();
  const edges = liftedEdges(drawn, shownAs, places);
  const hidden = tree.size - places.size;
  return { places: [...places.values()], edges, shownAs, total, hidden, closedGroups, filtered: total - tree.size };
}

/** How deep groups may be open so that at most `most` nodes are on the canvas; at least the outermost are there. */
export function deepestWithin(graph: GraphState, most: number): number {
  const tree = new OwnershipTree(graph);
  let level: readonly string[] = tree.roots;
  let shown = level.length;
  for (let depth = 0; level.length > 0; depth += 1) {
    level = level.flatMap((id) => tree.children(id));
    shown += level.length;
    if (shown > most) return depth;
  }
  return Number.POSITIVE_INFINITY;
}

/** Nodes with which the canvas can still be moved by hand. */
export const MOST_DRAWN = 2500;
/** Groups do not fall shut because a node was added, until there are so many. */
const TOO_MANY = 3000;

/**
 * The view with groups open as deep as `depth`, or as far as can be drawn when the graph has outgrown that, as one does
 * that was empty when its server started. Returns how deep they are open as well.
 */
export function projectWithin(
  graph: GraphState,
  depth: number,
  chosen: ReadonlyMap<string, boolean>,
): { view: View; depth: number } {
  const view = project(graph, depth, chosen);
  if (depth === 0 || view.nodes.size <= TOO_MANY) return { view, depth };
  const less = Math.min(depth, deepestWithin(graph, MOST_DRAWN));
  return { view: project(graph, less, chosen), depth: less };
}

/** Groups that must be open for `id` to be on the canvas, outermost first. */
export function groupsAround(graph: GraphState, id: string): string[] {
  return new OwnershipTree(graph).ancestors(id);
}

/** The group that opening or closing a node is about: itself, or, to close, the one around it. */
export function groupMeant(view: View, id: string, open: boolean): string | null {
  const node = view.nodes.get(id);
  if (!node) return null;
  return node.group !== null || open ? node.group && id : node.parent;
}

class OwnershipTree {
  roots: string[] = [];
  size: number;
  private readonly owner = new Map<string, string>();
  private readonly owned = new Map<string, string[]>();
  private readonly ids: ReadonlySet<string>;

  constructor(graph: GraphState) {
    const drawn = [...graph.nodes.values()].filter((node) => !NEVER_DRAWN.has(text(node.Metadata["Type"])));
    const ids = new Set(drawn.map((node) => node.ID));
    this.ids = ids;
    this.size = ids.size;
    for (const edge of graph.edges.values()) {
      if (text(edge.Metadata["RelationType"]) !== "ownership") continue;
      if (!ids.has(edge.Parent) || !ids.has(edge.Child) || this.owner.has(edge.Child)) continue;
      if (edge.Parent === edge.Child || this.ancestors(edge.Parent).includes(edge.Child)) continue;
      this.owner.set(edge.Child, edge.Parent);
      const siblings = this.owned.get(edge.Parent);
      if (siblings) siblings.push(edge.Child);
      else this.owned.set(edge.Parent, [edge.Child]);
    }
    for (const id of ids) if (!this.owner.has(id)) this.roots.push(id);
  }

  /** Leave only these nodes and what they are inside of. */
  narrow(nodes: ReadonlySet<string>): void {
    const kept = new Set<string>();
    for (const id of nodes) {
      if (!this.ids.has(id)) continue;
      for (let up: string | undefined = id; up !== undefined && !kept.has(up); up = this.owner.get(up)) kept.add(up);
    }
    this.roots = this.roots.filter((id) => kept.has(id));
    for (const [id, children] of this.owned) this.owned.set(id, children.filter((child) => kept.has(child)));
    this.size = kept.size;
  }

  children(id: string): readonly string[] {
    return this.owned.get(id) ?? [];
  }

  descendants(id: string): string[] {
    return this.children(id).flatMap((child) => [child, ...this.descendants(child)]);
  }

  ancestors(id: string): string[] {
    const path: string[] = [];
    for (let up = this.owner.get(id); up !== undefined; up = this.owner.get(up)) path.unshift(up);
    return path;
  }
}

/** Edges between what is shown; those that end inside a closed group end at the group, one line for all alike. */
function liftedEdges(
  edges: Iterable<Edge>,
  shownAs: ReadonlyMap<string, string>,
  places: ReadonlyMap<string, Place>,
): Map<string, VisibleEdge> {
  const lifted = new Map<string, VisibleEdge>();
  for (const edge of edges) {
    const source = shownAs.get(edge.Parent);
    const target = shownAs.get(edge.Child);
    if (!source || !target || text(edge.Metadata["RelationType"]) === "ownership") continue;
    if (areNested(places, source, target)) continue;
    const kind = text(edge.Metadata["Type"]) || text(edge.Metadata["RelationType"]);
    const exact = source === edge.Parent && target === edge.Child;
    const id = exact ? edge.ID : `${kind}:${[source, target].sort().join(":")}`;
    const { count, edges: before } = lifted.get(id) ?? { count: 0, edges: [] };
    const named = before.length < MOST_NAMED ? [...before, edge.ID] : before;
    lifted.set(id, { id, source, target, kind, count: count + 1, edges: named });
  }
  return lifted;
}

/** A box around a node already says that they belong together. */
function areNested(places: ReadonlyMap<string, Place>, a: string, b: string): boolean {
  return a === b || isInside(places, a, b) || isInside(places, b, a);
}

function isInside(places: ReadonlyMap<string, Place>, inner: string, outer: string): boolean {
  for (let up = places.get(inner)?.parent; up; up = places.get(up)?.parent) if (up === outer) return true;
  return false;
}
