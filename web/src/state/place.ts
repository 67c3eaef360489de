// SPDX-License-Identifier: Apache-2.0
// What the user looks at, kept in the address of the page: it can be bookmarked, shared and stepped back from.

import { Store } from "./store";

export type Tab = "captures" | "checks" | "alerts" | "workflows" | "inject" | "node" | "flows" | "query" | "status";
export type NodeView = "traffic" | "details" | "metrics" | "rules";
export type ResultView = "table" | "graph" | "json" | "explain";

export interface Place {
  readonly tab: Tab;
  /** Selected node, "" = none. */
  readonly node: string;
  /** Selected link, as ids of the edges it stands for (see state/link.ts), "" = none. */
  readonly link: string;
  /** Unix ms of the moment that the map shows, "" = now. */
  readonly at: string;
  /** Whether links say how much traffic they carry. */
  readonly rates: "on" | "";
  /** Query for what the map shows, "" = everything. */
  readonly map: string;
  /** What becomes of what the query does not find: it is dimmed, or hidden. */
  readonly others: "hide" | "";
  /** "" = whatever says most about the node. */
  readonly view: NodeView | "";
  /** Capture whose details are open, "" = none. */
  readonly capture: string;
  /** Check whose results are open, "" = none. */
  readonly check: string;
  /** Alert whose history is open, "" = none. */
  readonly alert: string;
  /** Workflow that is open, "" = none. */
  readonly workflow: string;
  /** Call of a workflow that is shown, "" = none. */
  readonly job: string;
  /** Injection whose packets are open, "" = none. */
  readonly injection: string;
  /** Text that rows of the flow tables must contain. */
  readonly filter: string;
  /** The query whose result the console shows. */
  readonly q: string;
  /** How it is shown, "" = what fits the result. */
  readonly show: ResultView | "";
}

export const home: Place = {
  tab: "captures",
  node: "",
  link: "",
  at: "",
  rates: "",
  map: "",
  others: "",
  view: "",
  capture: "",
  check: "",
  alert: "",
  workflow: "",
  job: "",
  injection: "",
  filter: "",
  q: "",
  show: "",
};

const TABS: readonly string[] = [
  "captures",
  "checks",
  "alerts",
  "workflows",
  "inject",
  "node",
  "flows",
  "query",
  "status",
] satisfies Tab[];
const VIEWS: readonly string[] = ["traffic", "details", "metrics", "rules"] satisfies NodeView[];
const SHOWS: readonly string[] = ["table", "graph", "json", "explain"] satisfies ResultView[];
/** Members that have a few values only; whatever else an address says counts as not said. */
const CLOSED: Partial<Record<keyof Place, readonly string[]>> = {
  tab: TABS,
  view: VIEWS,
  show: SHOWS,
  rates: ["on"],
  others: ["hide"],
};
/** The end of the year 9999. */
const LAST_MS = 253_402_300_799_999;

export function parsePlace(search: string): Place {
  const query = new URLSearchParams(search);
  const said = Object.keys(home).map((key): [string, string] => {
    const name = key as keyof Place;
    const value = query.get(name) ?? home[name];
    const known = name === "at" ? isMoment(value) : CLOSED[name]?.includes(value) !== false;
    return [name, known ? value : home[name]];
  });
  return Object.fromEntries(said) as unknown as Place;
}

function isMoment(value: string): boolean {
  return /^\d{1,15}$/.test(value) && Number(value) > 0 && Number(value) <= LAST_MS;
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
  // One thing is selected at a time.
  const next = { ...place.get(), ...(change.node ? { link: "" } : {}), ...change };
  const address = `${window.location.pathname}${formatPlace(next)}`;
  if (formatPlace(next) === formatPlace(place.get())) return;
  if (how === "push") window.history.pushState(null, "", address);
  else window.history.replaceState(null, "", address);
  place.set(next);
}

window.addEventListener("popstate", () => place.set(parsePlace(window.location.search)));
