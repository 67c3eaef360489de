// SPDX-License-Identifier: Apache-2.0
// The capture being made: shared by the form and by the canvas, on which interfaces are picked.

import type { CaptureDraft } from "../api/shapes";
import type { Node } from "../api/types";
import { Store } from "../state/store";
import { isCapturable } from "../topology/appearance";
import { expressionFor, expressionForAll } from "./expression";

export type Slot = 0 | 1;

export interface Draft {
  readonly open: boolean;
  readonly mode: "pick" | "expression";
  readonly picks: readonly [first: string | null, second: string | null];
  /** The slot that the next click on the canvas fills. */
  readonly armed: Slot | null;
  readonly expression: string;
  readonly name: string;
  readonly bpf: string;
  readonly firstPackets: string;
  /** Minutes, "" = until deleted. */
  readonly ttlMinutes: string;
}

export const blank: Draft = {
  open: false,
  mode: "expression",
  picks: [null, null],
  armed: null,
  expression: "",
  name: "",
  bpf: "",
  firstPackets: "1000",
  ttlMinutes: "",
};

export const draft = new Store<Draft>(blank);
/** Nodes that the expression matches now, to be ringed on the canvas. */
export const matches = new Store<ReadonlySet<string>>(new Set());

export function change(part: Partial<Draft>): void {
  draft.set({ ...draft.get(), ...part });
}

export function startWith(node: Node | null): void {
  draft.set(
    node
      ? { ...blank, open: true, mode: "pick", picks: [node.ID, null] }
      : { ...blank, open: true, mode: "expression" },
  );
}

/** One capture of all these nodes. */
export function captureAll(nodes: readonly Node[]): void {
  draft.set({ ...blank, open: true, mode: "expression", expression: expressionForAll(nodes) });
}

/** Whether a click on this node was a pick; then it is no selection. */
export function pick(node: Node): boolean {
  const { armed, picks } = draft.get();
  if (armed === null) return false;
  if (!isCapturable(node)) return true;
  const next: [string | null, string | null] = [picks[0], picks[1]];
  next[armed] = node.ID;
  change({ picks: next, armed: armed === 0 && next[1] === null ? 1 : null });
  return true;
}

/** The expression that the draft stands for, "" while there is none. */
export function expressionOf(state: Draft, nodes: ReadonlyMap<string, Node>): string {
  if (state.mode === "expression") return state.expression.trim();
  const [first, second] = state.picks.map((id) => (id === null ? null : (nodes.get(id) ?? null)));
  return first ? expressionFor(first, second ?? null) : "";
}

export function toRequest(state: Draft, expression: string): { body: CaptureDraft; ttlSeconds: number } {
  const packets = Number.parseInt(state.firstPackets, 10);
  return {
    body: {
      GremlinQuery: expression,
      ...(state.name.trim() ? { Name: state.name.trim() } : {}),
      ...(state.bpf.trim() ? { BPFFilter: state.bpf.trim() } : {}),
      ...(Number.isFinite(packets) ? { FirstPackets: packets } : {}),
    },
    ttlSeconds: Math.round(Number.parseFloat(state.ttlMinutes || "0") * 60) || 0,
  };
}
