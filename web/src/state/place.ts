// SPDX-License-Identifier: Apache-2.0
// What the user looks at, kept in the address of the page: it can be bookmarked, shared and stepped back from.

import { Store } from "./store";

export type Tab = "captures" | "checks" | "node" | "flows" | "query";
export type NodeView = "traffic" | "details" | "metrics";
export type ResultView = "table" | "graph" | "json" | "explain";

export interface Place {
  readonly tab: Tab;
  /** Selected node, "" = none. */
  readonly node: string;
  /** "" = whatever says most about the node. */
  readonly view: NodeView | "";
  /** Capture whose details are open, "" = none. */
  readonly capture: string;
  /** Check whose results are open, "" = none. */
  readonly check: string;
  /** Text that rows of the flow tables must contain. */
  readonly filter: string;
  /** The query whose result the console shows. */
  readonly q: string;
  /** How it is shown, "" = what fits the result. */
  readonly show: ResultView | "";
}

export const home: Place = { tab: "captures", node: "", view: "", capture: "", check: "", filter: "", q: "", show: "" };

const TABS: readonly string[] = ["captures", "checks", "node", "flows", "query"] satisfies Tab[];
const VIEWS: readonly string[] = ["traffic", "details", "metrics"] satisfies NodeView[];
const SHOWS: readonly string[] = ["table", "graph", "json", "explain"] satisfies ResultView[];

export function parsePlace(search: string): Place {
  const query = new URLSearchParams(search);
  const tab = query.get("tab") ?? "";
  const view = query.get("view") ?? "";
  const show = query.get("show") ?? "";
  return {
    tab: TABS.includes(tab) ? (tab as Tab) : home.tab,
    node: query.get("node") ?? "",
    view: VIEWS.includes(view) ? (view as NodeView) : "",
    capture: query.get("capture") ?? "",
    check: query.get("check") ?? "",
    filter: query.get("filter") ?? "",
    q: query.get("q") ?? "",
    show: SHOWS.includes(show) ? (show as ResultView) : "",
  };
}

export function formatPlace(place: Place): string {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(place) as [keyof Place, string][]) {
    if (value !== home[key]) query.set(key, value);
  }
  const text = query.toString();
  return text ? `?${text}` : "";
}

export const place = new Store<Place>(parsePlace(window.location.search));

/** Go elsewhere; each step can be undone with the browser's Back. */
export function go(change: Partial<Place>): void {
  move(change, "push");
}

/** Refine where one is (a filter being typed), without a step in the history. */
export function refine(change: Partial<Place>): void {
  move(change, "replace");
}

function move(change: Partial<Place>, how: "push" | "replace"): void {
  const next = { ...place.get(), ...change };
  const address = `${window.location.pathname}${formatPlace(next)}`;
  if (formatPlace(next) === formatPlace(place.get())) return;
  if (how === "push") window.history.pushState(null, "", address);
  else window.history.replaceState(null, "", address);
  place.set(next);
}

window.addEventListener("popstate", () => place.set(parsePlace(window.location.search)));
