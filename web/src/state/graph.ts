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
  readonly synced: boolean;
  /** Changes received before the first snapshot. */
  readonly early: readonly GraphMessage[];
}

export const emptyGraph: GraphState = {
  nodes: new Map(),
  edges: new Map(),
  gone: new Map(),
  synced: false,
  early: [],
};

interface Draft {
  nodes: Map<string, Node>;
  edges: Map<string, Edge>;
  gone: Map<string, Version>;
}

/** Fold a batch of messages; the maps are copied once per batch, never changed in place. */
export function reduceGraph(state: GraphState, messages: readonly Message[]): GraphState {
  let current = state;
  let draft: Draft | null = null;
  for (const message of messages) {
    if (message.kind === "snapshot") {
      const changes = current.early;
      draft = fromSnapshot(message.nodes, message.edges);
      for (const change of changes) apply(draft, change);
      current = { ...draft, synced: true, early: [] };
    } else if (message.kind === "resumed") {
      current = { ...current, synced: true };
    } else if (message.kind === "graph") {
      if (!current.synced) {
        current = { ...current, early: [...current.early, message.change] };
        continue;
      }
      draft ??= { nodes: new Map(current.nodes), edges: new Map(current.edges), gone: new Map(current.gone) };
      apply(draft, message.change);
    }
  }
  return draft ? { ...current, ...draft } : current;
}

/** What is known stays on the screen while the link is down; changes wait for the next snapshot or resumption. */
export function unsynced(state: GraphState): GraphState {
  return { ...state, synced: false, early: [] };
}

function fromSnapshot(nodes: readonly Node[], edges: readonly Edge[]): Draft {
  return {
    nodes: new Map(nodes.map((node) => [node.ID, node])),
    edges: new Map(edges.map((edge) => [edge.ID, edge])),
    gone: new Map(),
  };
}

function apply(draft: Draft, change: GraphMessage): void {
  switch (change.type) {
    case "NodeAdded":
    case "NodeUpdated":
      put(draft.nodes, draft.gone, change.node);
      break;
    case "EdgeAdded":
    case "EdgeUpdated":
      put(draft.edges, draft.gone, change.edge);
      break;
    case "NodeDeleted":
      if (remove(draft.nodes, draft.gone, change.node)) dropEdgesOf(draft, change.node.ID);
      break;
    case "EdgeDeleted":
      remove(draft.edges, draft.gone, change.edge);
      break;
    case "NodePartiallyUpdated":
      patch(draft.nodes, change.update);
      break;
    case "EdgePartiallyUpdated":
      patch(draft.edges, change.update);
      break;
  }
}

function put<T extends Node>(known: Map<string, T>, gone: Map<string, Version>, element: T): void {
  const before = known.get(element.ID) ?? gone.get(element.ID);
  if (before && !isNewer(element, before)) return;
  known.set(element.ID, element);
  gone.delete(element.ID);
}

function remove<T extends Node>(known: Map<string, T>, gone: Map<string, Version>, element: T): boolean {
  const before = known.get(element.ID);
  if (before && element.CreatedAt < before.CreatedAt) return false;
  gone.set(element.ID, { CreatedAt: element.CreatedAt, Revision: element.Revision });
  return known.delete(element.ID);
}

function dropEdgesOf(draft: Draft, nodeId: string): void {
  for (const edge of draft.edges.values()) {
    if (edge.Parent === nodeId || edge.Child === nodeId) draft.edges.delete(edge.ID);
  }
}

function patch<T extends Node>(known: Map<string, T>, update: PartialUpdate): void {
  const before = known.get(update.ID);
  if (!before || update.Revision <= before.Revision) return;
  let metadata = before.Metadata;
  for (const op of update.Ops) metadata = withKey(metadata, op.Key, op.Type === 1 ? (op.Value ?? null) : undefined);
  known.set(update.ID, { ...before, Metadata: metadata, Revision: update.Revision, UpdatedAt: update.UpdatedAt });
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
