// SPDX-License-Identifier: Apache-2.0
// The columns of rows of any shape: objects are laid out with dotted names, lists stay one cell. Pure.

import type { Json } from "../api/types";
import { isBranch } from "../state/metadata";
import type { Row } from "./result";

export interface ResultColumn {
  readonly title: string;
  readonly path: readonly string[];
  readonly numeric: boolean;
  /** Characters of its longest text among the rows that were looked at. */
  readonly longest: number;
}

const DEEPEST = 3;
const LOOKED_AT = 400;
/** What people look for first, in this order. */
const FIRST = [
  "Name", "Type", "RelationType", "@Parent", "@Child", "@Host", "State", "Path", "Of", "Flow", "Application", "Network.A",
  "Network.B", "Transport.A", "Transport.B", "Metric.ABBytes", "Metric.BABytes", "MAC", "MTU", "IPV4",
];
/** What identifies, but says nothing. */
const LAST = ["@ID", "@Origin", "@CreatedAt", "@UpdatedAt", "@DeletedAt", "@Revision", "TID", "UUID"];

interface Seen {
  path: string[];
  times: number;
  numbers: number;
  longest: number;
  /** When it was met first. */
  order: number;
}

/** All columns of rows, the most telling first; of very many rows some are looked at, evenly spread. */
export function columnsOf(rows: readonly Row[], lookedAt = LOOKED_AT): ResultColumn[] {
  const seen = new Map<string, Seen>();
  const step = Math.max(1, Math.ceil(rows.length / lookedAt));
  for (let at = 0; at < rows.length; at += step) collect(rows[at]?.data ?? {}, [], seen);
  return [...seen.values()].sort(byInterest).map(({ path, times, numbers, longest }) => ({
    title: path.join("."),
    path,
    numeric: numbers * 2 > times,
    longest,
  }));
}

function collect(data: Record<string, Json>, above: readonly string[], seen: Map<string, Seen>): void {
  for (const [key, value] of Object.entries(data)) {
    const path = [...above, key];
    if (isBranch(value) && !Array.isArray(value) && path.length < DEEPEST) {
      collect(value, path, seen);
      continue;
    }
    const id = JSON.stringify(path);
    const column = seen.get(id) ?? { path, times: 0, numbers: 0, longest: 0, order: seen.size };
    column.times += 1;
    column.longest = Math.max(column.longest, cellText(value).length);
    if (typeof value === "number") column.numbers += 1;
    seen.set(id, column);
  }
}

function byInterest(one: Seen, other: Seen): number {
  return rank(one) - rank(other) || other.times - one.times || one.order - other.order;
}

function rank({ path }: Seen): number {
  const title = path.join(".");
  const first = FIRST.indexOf(title);
  const last = LAST.indexOf(title);
  return first >= 0 ? first - FIRST.length : last + 1;
}

export function cellOf(row: Row, column: ResultColumn): Json | undefined {
  let found: Json | undefined = row.data;
  for (const key of column.path) {
    if (!isBranch(found) || Array.isArray(found) || !Object.hasOwn(found, key)) return undefined;
    found = found[key];
  }
  return found;
}

export function cellText(value: Json | undefined): string {
  if (value === undefined) return "";
  if (typeof value === "string") return value;
  if (Array.isArray(value) && !value.some(isBranch)) return value.map(cellText).join(", ");
  return JSON.stringify(value);
}
