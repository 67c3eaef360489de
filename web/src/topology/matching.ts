// SPDX-License-Identifier: Apache-2.0
// What a query finds on the map, kept up to date by the server: a subscription of its own, with the query as filter.

import type { CheckAnswer } from "../api/types";
import { Store } from "../state/store";
import type { Message } from "../transport/envelope";
import { openGraphSocket, Subscriber, type Clock, type Link, type Wish } from "../transport/subscriber";

/** Ids; of edges those that the query finds, or that lie between the nodes that it finds. */
export interface Found {
  readonly nodes: ReadonlySet<string>;
  readonly edges: ReadonlySet<string>;
}

export type Matching =
  | { readonly state: "off" | "looking" }
  | { readonly state: "known"; readonly found: Found }
  | { readonly state: "refused"; readonly reason: string };

export const OFF: Matching = { state: "off" };
/** Of the query in the address. */
export const matching = new Store<Matching>(OFF);

const BATCH_MS = 100;

/** The query as a filter of a subscription, which has to give a graph; or why it cannot be one. */
export function asFilter(query: string, verdict: CheckAnswer): { filter: string } | { reason: string } {
  if (!verdict.Valid) return { reason: wordsOf(verdict) };
  // On a line of its own: the query may end with a comment.
  if (verdict.Kind === "nodes" || verdict.Kind === "edges") return { filter: `${query}\n.SubGraph()` };
  if (verdict.Kind === "graph") return { filter: query };
  return { reason: `It gives ${verdict.Kind.replace("_", " ")}: a map shows nodes and links` };
}

/** What is wrong, where, and what to do. */
export function wordsOf({ Error: error, Hint: hint, Span: span }: CheckAnswer): string {
  const where = span?.[0] === undefined ? "" : `Column ${span[0] + 1}: `;
  return `${where}${error}${hint ? ` — ${hint}` : ""}`;
}

/** Tells what is found until it is closed; of a moment of the past, once. */
export class MatchFeed {
  private readonly subscriber: Subscriber;
  private readonly nodes = new Set<string>();
  private readonly edges = new Set<string>();
  private begun = false;
  private timer: ReturnType<typeof setTimeout> | null = null;

  constructor(
    private readonly wish: Wish,
    private readonly tell: (now: Matching) => void,
    open: () => WebSocket = openGraphSocket,
    clock?: Clock,
  ) {
    const handlers = {
      onMessages: (messages: readonly Message[]) => this.take(messages),
      // The page says of its first connection whether the server is there; this one comes back by itself.
      onLink: ({ state }: Link) => {
        if (state !== "live") this.begun = false;
      },
      onRefused: (reason: string) => this.tell({ state: "refused", reason }),
    };
    this.subscriber = new Subscriber(handlers, open, clock, wish);
    tell({ state: "looking" });
    this.subscriber.start();
  }

  close(): void {
    if (this.timer) clearTimeout(this.timer);
    this.subscriber.close();
  }

  private take(messages: readonly Message[]): void {
    let changed = false;
    for (const message of messages) changed = this.takeOne(message) || changed;
    if (changed) this.timer ??= setTimeout(() => this.flush(), BATCH_MS);
  }

  /** Whether something else is found now. */
  private takeOne(message: Message): boolean {
    if (message.kind === "snapshot") {
      this.begun = true;
      become(this.nodes, message.nodes);
      become(this.edges, message.edges);
      if (this.wish.Time !== undefined) this.subscriber.close();
      return true;
    }
    // What comes before the answer is told to who sees everything.
    if (message.kind !== "graph" || !this.begun) return false;
    const { change } = message;
    if (change.type === "NodeAdded") return add(this.nodes, change.node.ID);
    if (change.type === "EdgeAdded") return add(this.edges, change.edge.ID);
    if (change.type === "NodeDeleted") return this.nodes.delete(change.node.ID);
    if (change.type === "EdgeDeleted") return this.edges.delete(change.edge.ID);
    return false;
  }

  private flush(): void {
    this.timer = null;
    this.tell({ state: "known", found: { nodes: new Set(this.nodes), edges: new Set(this.edges) } });
  }
}

function become(ids: Set<string>, elements: readonly { readonly ID: string }[]): void {
  ids.clear();
  for (const { ID: id } of elements) ids.add(id);
}

function add(ids: Set<string>, id: string): boolean {
  if (ids.has(id)) return false;
  ids.add(id);
  return true;
}
