// SPDX-License-Identifier: Apache-2.0
// Injections in their order, and what their counters mean. Pure.

import type { InjectionView, Totals } from "../api/types";
import type { Listing } from "./listing";

export type InjectionState = NonNullable<InjectionView["Status"]>["State"];

const NS_PER_MS = 1_000_000;

/** Newest first; those of the same instant keep a fixed order. */
export function inOrder(state: Listing<InjectionView>): InjectionView[] {
  return [...state.byId.values()].sort((a, b) => b.CreatedAt - a.CreatedAt || a.UUID.localeCompare(b.UUID));
}

export function stateOf(view: InjectionView): InjectionState {
  return view.Status?.State ?? "starting";
}

export function isRunning(view: InjectionView): boolean {
  return stateOf(view) === "starting" || stateOf(view) === "running";
}

export function running(state: Listing<InjectionView>): number {
  return [...state.byId.values()].filter(isRunning).length;
}

/** Percent of what is decided already; null while nothing is. */
export function lossOf(totals: Totals): number | null {
  const decided = totals.Received + totals.Refused + totals.Lost;
  return decided > 0 ? (totals.Lost / decided) * 100 : null;
}

/** Milliseconds of a time in ns. */
export function ms(ns: number): number {
  return ns / NS_PER_MS;
}
