// SPDX-License-Identifier: Apache-2.0
// What a query gave, as rows and as elements of a graph. Pure; everything in it is whatever a network made it.

import type { Edge, Json, Node } from "../api/types";
import { emptyGraph, type GraphState } from "../state/graph";
import { isBranch, text } from "../state/metadata";
import { nameOf } from "../topology/appearance";

type Tree = Record<string, Json>;

export interface Row {
  readonly id: string;
  readonly data: Tree;
}

export interface Result {
  /** As the planner names it: graph, nodes, edges, paths, flows, metrics, packets, of_rules, values, value. */
  readonly kind: string;
  readonly rows: readonly Row[];
  readonly nodes: ReadonlyMap<string, Node>;
  readonly edges: ReadonlyMap<string, Edge>;
  /** TIDs of the nodes on which flows were captured. */
  readonly tids: ReadonlySet<string>;
}

type Parts = Pick<Result, "rows"> & Partial<Pick<Result, "nodes" | "edges" | "tids">>;

export function toResult(kind: string, value: Json): Result {
  const read = READERS[kind] ?? fromValues;
  return { kind, nodes: new Map(), edges: new Map(), tids: new Set(), ...read(listOf(value)) };
}

const READERS: Readonly<Record<string, (items: Json[]) => Parts>> = {
  nodes: (items) => fromElements(nodesIn(items), []),
  edges: (items) => fromElements([], edgesIn(items)),
  graph: (items) => fromGraph(items[0]),
  paths: (items) => fromPaths(items),
  flows: (items) => ({ ...fromValues(items), tids: tidsOf(items) }),
  metrics: (items) => ({ rows: fromSeries(items[0], "Of") }),
  packets: (items) => ({ rows: fromSeries(items[0], "Flow") }),
  sockets: (items) => ({ rows: fromSeries(items[0], "Of") }),
  of_rules: (items) => ({ rows: fromSeries(items[0], "Of") }),
  of_groups: (items) => ({ rows: fromSeries(items[0], "Of") }),
};

function fromElements(nodes: readonly Node[], edges: readonly Edge[]): Parts {
  const elements = [...nodes, ...edges];
  return {
    rows: elements.map((element, at) => ({ id: `${at}`, data: elementRow(element) })),
    nodes: new Map(nodes.map((node) => [node.ID, node])),
    edges: new Map(edges.map((edge) => [edge.ID, edge])),
  };
}

function elementRow(element: Node | Edge): Tree {
  const ends: Tree = isEdge(element) ? { "@Parent": element.Parent, "@Child": element.Child } : {};
  return {
    ...element.Metadata,
    ...ends,
    "@Host": element.Host,
    "@ID": element.ID,
    "@Origin": element.Origin,
    "@CreatedAt": element.CreatedAt,
    "@UpdatedAt": element.UpdatedAt,
    ...(element.DeletedAt === null ? {} : { "@DeletedAt": element.DeletedAt }),
    "@Revision": element.Revision,
  };
}

function fromGraph(value: Json | undefined): Parts {
  const graph = asTree(value);
  return fromElements(nodesIn(listOf(graph["Nodes"] ?? null)), edgesIn(listOf(graph["Edges"] ?? null)));
}

function fromPaths(items: Json[]): Parts {
  const paths = items.map((item) => nodesIn(listOf(item)));
  return {
    rows: paths.map((path, at) => ({ id: `${at}`, data: { Path: path.map(nameOf).join(" → "), Nodes: path.length } })),
    nodes: new Map(paths.flat().map((node) => [node.ID, node])),
  };
}

/** Lists by what they belong to, such as the counters of each interface. */
function fromSeries(value: Json | undefined, owner: string): Row[] {
  const points = Object.entries(asTree(value)).flatMap(([id, list]) => listOf(list).map((point): [string, Json] => [id, point]));
  return points.map(([id, point], at) => ({ id: `${at}`, data: { [owner]: id, ...asRow(point) } }));
}

function fromValues(items: Json[]): Parts {
  return { rows: items.map((item, at) => ({ id: `${at}`, data: asRow(item) })) };
}

function asRow(item: Json): Tree {
  return isBranch(item) && !Array.isArray(item) ? item : { Value: item };
}

function tidsOf(flows: Json[]): Set<string> {
  return new Set(flows.map((flow) => text(asTree(flow)["NodeTID"])).filter(Boolean));
}

/** The part of a network that a result is about: its elements, and, from what is there now, what joins them. */
export function subGraph(result: Result, live: GraphState): GraphState {
  const nodes = new Map(result.nodes);
  for (const edge of result.edges.values()) {
    for (const id of [edge.Parent, edge.Child]) addKnown(nodes, live.nodes.get(id));
  }
  if (result.tids.size > 0) {
    for (const node of live.nodes.values()) if (result.tids.has(text(node.Metadata["TID"]))) nodes.set(node.ID, node);
  }
  const edges = new Map(result.edges);
  if (nodes.size > 0 && result.kind !== "graph" && result.kind !== "edges") {
    for (const edge of live.edges.values()) if (nodes.has(edge.Parent) && nodes.has(edge.Child)) edges.set(edge.ID, edge);
  }
  return { ...emptyGraph, nodes, edges, structure: {}, synced: true };
}

function addKnown(nodes: Map<string, Node>, node: Node | undefined): void {
  if (node && !nodes.has(node.ID)) nodes.set(node.ID, node);
}

function listOf(value: Json): Json[] {
  if (Array.isArray(value)) return value;
  return value === null ? [] : [value];
}

function asTree(value: Json | undefined): Tree {
  return isBranch(value) && !Array.isArray(value) ? value : {};
}

function nodesIn(items: readonly unknown[]): Node[] {
  return items.filter(isNode);
}

function edgesIn(items: readonly unknown[]): Edge[] {
  return items.filter(isEdge);
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && "ID" in value && "Metadata" in value;
}

function isEdge(value: unknown): value is Edge {
  return isNode(value) && "Parent" in value && "Child" in value;
}
