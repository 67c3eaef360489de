// SPDX-License-Identifier: Apache-2.0
// The button above a table that offers its columns.

import { useState, type FocusEvent } from "react";
import { useStore } from "../state/store";
import { choicesFor, shownOf, turned, type Choosable } from "./columns";
import { IconButton } from "./widgets";

interface Props {
  /** The name under which the choice is kept. */
  table: string;
  columns: readonly (Choosable & { readonly title: string })[];
}

export function ColumnChooser({ table, columns }: Props) {
  const [open, setOpen] = useState(false);
  const kept = choicesFor(table);
  const choices = useStore(kept);
  const shown = new Set(shownOf(columns, choices).map(({ id }) => id));
  const leave = (event: FocusEvent): void => {
    if (!event.currentTarget.contains(event.relatedTarget)) setOpen(false);
  };
  return (
    <div
      className="chooser"
      onBlur={leave}
      onKeyDown={(event) => {
        if (event.key === "Escape") setOpen(false);
      }}
    >
      <IconButton icon="columns" label="Choose columns" aria-expanded={open} onClick={() => setOpen(!open)} />
      {open ? (
        // So that a click beside a box does not count as leaving.
        <div className="chooser-list" role="group" aria-label="Columns" tabIndex={-1}>
          {columns.map((column) => (
            <label key={column.id}>
              <input
                type="checkbox"
                checked={shown.has(column.id)}
                disabled={shown.size === 1 && shown.has(column.id)}
                onChange={(event) => kept.keep(turned(choices, column, event.target.checked), (all) => [...all])}
              />
              <span>{column.title}</span>
            </label>
          ))}
          <button type="button" className="link-button" onClick={() => kept.keep(new Map(), () => [])}>
            As they come
          </button>
        </div>
      ) : null}
    </div>
  );
}
