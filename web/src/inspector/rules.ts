// SPDX-License-Identifier: Apache-2.0
// OpenFlow rules and groups as rows: text in every cell, whatever a controller wrote. Pure.

import type { Json } from "../api/types";
import { isBranch, text } from "../state/metadata";

type Tree = Record<string, Json>;

/** What a switch knows a rule by, and a group: so that the chosen one is still it when the switch is asked again. */
const RULE_NAME = ["Bridge", "Table", "Priority", "Match"] as const;
const GROUP_NAME = ["Bridge", "GroupId"] as const;

export type OpenFlowKind = "rules" | "groups";

export interface OpenFlowRow {
  readonly id: string;
  readonly table: number;
  readonly priority: number;
  /** What a rule matches; of a group its number and type. */
  readonly match: string;
  readonly actions: string;
  readonly packets: number | null;
  readonly bytes: number | null;
  readonly data: Tree;
}

/** Rows of a query's answer: a list with one object of lists, or empty. */
export function rowsOf(kind: OpenFlowKind, value: Json): OpenFlowRow[] {
  const owners = Array.isArray(value) ? value.filter(isTree) : [];
  const found = owners.flatMap((owner) => Object.values(owner)).flatMap((list) => (Array.isArray(list) ? list.filter(isTree) : []));
  const seen = new Map<string, number>();
  return found.map((data) => {
    const name = JSON.stringify((kind === "rules" ? RULE_NAME : GROUP_NAME).map((key) => data[key]));
    const before = seen.get(name) ?? 0;
    seen.set(name, before + 1);
    const id = `${name}${before || ""}`;
    return kind === "rules" ? ruleRow(data, id) : groupRow(data, id);
  });
}

function ruleRow(data: Tree, id: string): OpenFlowRow {
  return {
    id,
    table: number(data["Table"]) ?? 0,
    priority: number(data["Priority"]) ?? 0,
    match: text(data["Match"]) || "any",
    actions: list(data["Actions"]).join(", "),
    packets: number(data["Packets"]),
    bytes: number(data["Bytes"]),
    data,
  };
}

function groupRow(data: Tree, id: string): OpenFlowRow {
  const buckets = Array.isArray(data["Buckets"]) ? data["Buckets"].filter(isTree) : [];
  return {
    id,
    table: 0,
    priority: number(data["GroupId"]) ?? 0,
    match: text(data["GroupType"]),
    actions: buckets.map((bucket) => `{${list(bucket["Actions"]).join(", ")}}`).join(" "),
    packets: number(data["Packets"]),
    bytes: number(data["Bytes"]),
    data,
  };
}

/** Rows that contain every word of `filter` somewhere; `table=0` means the column. */
export function filterRules(rows: readonly OpenFlowRow[], filter: string): OpenFlowRow[] {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return [...rows];
  return rows.filter((row) => {
    const said = `table=${row.table} priority=${row.priority} ${row.match} ${row.actions} ${text(row.data["Cookie"])}`.toLowerCase();
    return words.every((word) => (/^(table|priority)=\d+$/.test(word) ? said.includes(`${word} `) : said.includes(word)));
  });
}

function isTree(value: Json): value is Tree {
  return isBranch(value) && !Array.isArray(value);
}

function number(value: Json | undefined): number | null {
  return typeof value === "number" ? value : null;
}

function list(value: Json | undefined): string[] {
  return Array.isArray(value) ? value.map((one) => (typeof one === "string" ? one : JSON.stringify(one))) : [];
}
