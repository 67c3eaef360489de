// SPDX-License-Identifier: Apache-2.0
// The button above a table that offers its columns.

import { useState, type FocusEvent, type KeyboardEvent } from "react";
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
  const close = (event: KeyboardEvent<HTMLElement>): void => {
    if (event.key !== "Escape" || !open) return;
    // Not for the map too, which lets go of what is chosen. And the box that had the focus will be gone.
    event.stopPropagation();
    event.currentTarget.querySelector("button")?.focus();
    setOpen(false);
  };
  return (
    <div
      className="chooser"
      onBlur={leave}
      onKeyDown={close}
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
