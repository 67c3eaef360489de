// SPDX-License-Identifier: Apache-2.0
// Which columns of a table a user wants to see, kept by the browser: only what was chosen against the default.

import { Kept } from "../state/kept";

export type Choices = ReadonlyMap<string, boolean>;

/** Columns of answers to queries are many in time; the latest choices stay. */
const MOST = 300;
const NONE: Choices = new Map();
const tables = new Map<string, Kept<Choices>>();

/** The choices for a table, by the name under which they are kept. */
export function choicesFor(table: string): Kept<Choices> {
  const known = tables.get(table);
  if (known) return known;
  const made = new Kept(`netsonde.columns.${table}`, understood, NONE);
  tables.set(table, made);
  return made;
}

export interface Choosable {
  readonly id: string;
  /** Not shown unless it is wanted. */
  readonly optional?: boolean;
}

/** Never none: a table without columns could not be told from one without rows. */
export function shownOf<C extends Choosable>(columns: readonly C[], choices: Choices): readonly C[] {
  const shown = columns.filter(({ id, optional }) => choices.get(id) ?? !optional);
  return shown.length > 0 ? shown : columns.slice(0, 1);
}

/** Show or hide a column; what is as it would be anyway is no choice. */
export function turned(choices: Choices, { id, optional }: Choosable, show: boolean): Choices {
  const next = new Map(choices);
  next.delete(id);
  if (show === (optional === true)) next.set(id, show);
  return new Map([...next].slice(-MOST));
}

function understood(kept: unknown): Choices {
  if (!Array.isArray(kept)) return NONE;
  const pairs = kept.filter(
    (pair): pair is [string, boolean] =>
      Array.isArray(pair) && typeof pair[0] === "string" && typeof pair[1] === "boolean",
  );
  return new Map(pairs.slice(-MOST));
}
