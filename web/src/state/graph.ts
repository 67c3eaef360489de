// SPDX-License-Identifier: Apache-2.0
// The graph as the page knows it: a pure reducer over the messages of the subscriber socket.
//
// Messages may arrive twice, late, or before the snapshot they belong to. An element's version is the pair
// (CreatedAt, Revision): a newer incarnation of an id beats any revision of an older one.

import type { Edge, Json, Node } from "../api/types";
import type { GraphMessage, Message, PartialUpdate } from "../transport/envelope";

interface Version {
  CreatedAt: number;
  Revision: number;
}

export interface GraphState {
  readonly nodes: ReadonlyMap<string, Node>;
  readonly edges: ReadonlyMap<string, Edge>;
  /** Last version of what was deleted, so that a late update does not bring it back. */
  readonly gone: ReadonlyMap<string, Version>;
  /** Another one whenever nodes or edges came or went, or became of another kind: what hangs on that alone is kept. */
  readonly structure: object;
  readonly synced: boolean;
  /** Changes received before the first snapshot. */
  readonly early: readonly GraphMessage[];
}

/** What groups and lines of the map are made by. */
const KINDS = ["Type", "RelationType"] as const;
const ENDS = ["Parent", "Child"] as const;

/** Deleted elements whose late updates are known for what they are: updates are late by seconds at most. */
const MOST_GONE = 5000;

export const emptyGraph: GraphState = {
  nodes: new Map(),
  edges: new Map(),
  gone: new Map(),
  structure: {},
  synced: false,
  early: [],
};

/** A map that is copied when it is first written to: most batches change a few nodes, and no edge at all. */
class Copied<V> {
  private copy: Map<string, V> | null = null;

  constructor(private readonly before: ReadonlyMap<string, V>) {}

  get now(): ReadonlyMap<string, V> {
    return this.copy ?? this.before;
  }

  get(id: string): V | undefined {
    return this.now.get(id);
  }

  set(id: string, value: V): void {
    this.copy ??= new Map(this.before);
    this.copy.set(id, value);
  }

  delete(id: string): boolean {
    if (!this.now.has(id)) return false;
    this.copy ??= new Map(this.before);
    return this.copy.delete(id);
  }
}

class Draft {
  readonly nodes: Copied<Node>;
  readonly edges: Copied<Edge>;
  readonly gone: Copied<Version>;
  restructured = false;
  /** Ids of edges by the nodes at their ends, made when the first node goes; some may have gone or moved since. */
  private byEnd: Map<string, string[]> | null = null;

  constructor(private readonly before: GraphState) {
    this.nodes = new Copied(before.nodes);
    this.edges = new Copied(before.edges);
    this.gone = new Copied(before.gone);
  }

  putEdge(edge: Edge): void {
    put(this, this.edges, edge);
    if (this.byEnd) join(this.byEnd, edge);
  }

  dropEdgesOf(nodeId: string): void {
    this.byEnd ??= endsOf(this.edges.now.values());
    for (const id of this.byEnd.get(nodeId) ?? []) {
      const edge = this.edges.get(id);
      if (edge?.Parent === nodeId || edge?.Child === nodeId) this.edges.delete(id);
    }
  }

  done(): GraphState {
    return {
      ...this.before,
      nodes: this.nodes.now,
      edges: this.edges.now,
      gone: this.gone.now,
      structure: this.restructured ? {} : this.before.structure,
    };
  }
}

/** Fold a batch of messages; the maps are copied at most once per batch, never changed in place. */
export function reduceGraph(state: GraphState, messages: readonly Message[]): GraphState {
  let current = state;
  let draft: Draft | null = null;
  for (const message of messages) {
    if (message.kind === "snapshot") {
      draft = new Draft(fromSnapshot(message.nodes, message.edges));
      for (const change of current.early) apply(draft, change);
      current = draft.done();
    } else if (message.kind === "resumed") {
      current = { ...(draft?.done() ?? current), synced: true };
      draft = null;
    } else if (message.kind === "graph") {
      if (!current.synced) {
        current = { ...current, early: [...current.early, message.change] };
        continue;
      }
      draft ??= new Draft(current);
      apply(draft, message.change);
    }
  }
  return draft?.done() ?? current;
}

/** What is known stays on the screen while the link is down; changes wait for the next snapshot or resumption. */
export function unsynced(state: GraphState): GraphState {
  return { ...state, synced: false, early: [] };
}

function fromSnapshot(nodes: readonly Node[], edges: readonly Edge[]): GraphState {
  return {
    nodes: new Map(nodes.map((node) => [node.ID, node])),
    edges: new Map(edges.map((edge) => [edge.ID, edge])),
    gone: new Map(),
    structure: {},
    synced: true,
    early: [],
  };
}

function apply(draft: Draft, change: GraphMessage): void {
  switch (change.type) {
    case "NodeAdded":
    case "NodeUpdated":
      put(draft, draft.nodes, change.node);
      break;
    case "EdgeAdded":
    case "EdgeUpdated":
      draft.putEdge(change.edge);
      break;
    case "NodeDeleted":
      if (remove(draft, draft.nodes, change.node)) draft.dropEdgesOf(change.node.ID);
      break;
    case "EdgeDeleted":
      remove(draft, draft.edges, change.edge);
      break;
    case "NodePartiallyUpdated":
      patch(draft, draft.nodes, change.update);
      break;
    case "EdgePartiallyUpdated":
      patch(draft, draft.edges, change.update);
      break;
  }
}

function put<T extends Node>(draft: Draft, known: Copied<T>, element: T): void {
  const present = known.get(element.ID);
  const before = present ?? draft.gone.get(element.ID);
  if (before && !isNewer(element, before)) return;
  draft.restructured ||= !present || isOfOtherKind(present, element);
  known.set(element.ID, element);
  draft.gone.delete(element.ID);
}

function remove<T extends Node>(draft: Draft, known: Copied<T>, element: T): boolean {
  const before = known.get(element.ID);
  if (before && element.CreatedAt < before.CreatedAt) return false;
  // Deleted and set again, so that the one that is gone longest comes first.
  draft.gone.delete(element.ID);
  draft.gone.set(element.ID, { CreatedAt: element.CreatedAt, Revision: element.Revision });
  if (draft.gone.now.size > MOST_GONE) draft.gone.delete(draft.gone.now.keys().next().value ?? "");
  draft.restructured ||= before !== undefined;
  return known.delete(element.ID);
}

function endsOf(edges: Iterable<Edge>): Map<string, string[]> {
  const byEnd = new Map<string, string[]>();
  for (const edge of edges) join(byEnd, edge);
  return byEnd;
}

function join(byEnd: Map<string, string[]>, { ID: id, Parent: parent, Child: child }: Edge): void {
  for (const end of [parent, child]) {
    const known = byEnd.get(end);
    if (known) known.push(id);
    else byEnd.set(end, [id]);
  }
}

function patch<T extends Node>(draft: Draft, known: Copied<T>, update: PartialUpdate): void {
  const before = known.get(update.ID);
  if (!before || update.Revision <= before.Revision) return;
  let metadata = before.Metadata;
  for (const op of update.Ops) metadata = withKey(metadata, op.Key, op.Type === 1 ? (op.Value ?? null) : undefined);
  const after = { ...before, Metadata: metadata, Revision: update.Revision, UpdatedAt: update.UpdatedAt };
  draft.restructured ||= isOfOtherKind(before, after);
  known.set(update.ID, after);
}

function isOfOtherKind<T extends Node>(before: T, after: T): boolean {
  return (
    KINDS.some((key) => before.Metadata[key] !== after.Metadata[key]) ||
    ENDS.some((key) => (before as Partial<Edge>)[key] !== (after as Partial<Edge>)[key])
  );
}

type Tree = Record<string, Json>;

/** Set (or, with undefined, delete) a dotted key. A key that exists with its dots, such as a label, is that key. */
export function withKey(tree: Tree, key: string, value: Json | undefined): Tree {
  const dot = key.indexOf(".");
  if (dot < 0 || key in tree) return withOwnKey(tree, key, value);
  const head = key.slice(0, dot);
  const child = tree[head];
  const inner = withKey(isTree(child) ? child : {}, key.slice(dot + 1), value);
  // An object that has lost its last key goes as well, as on the server.
  return withOwnKey(tree, head, Object.keys(inner).length > 0 ? inner : undefined);
}

function withOwnKey(tree: Tree, key: string, value: Json | undefined): Tree {
  const entries = Object.entries(tree).filter(([name]) => name !== key);
  if (value !== undefined) entries.push([key, value]);
  return Object.fromEntries(entries);
}

function isTree(value: Json | undefined): value is Tree {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isNewer(candidate: Version, known: Version): boolean {
  if (candidate.CreatedAt !== known.CreatedAt) return candidate.CreatedAt > known.CreatedAt;
  return candidate.Revision > known.Revision;
}
