// SPDX-License-Identifier: Apache-2.0
// A sortable table of which only the visible rows exist; rows are chosen by click or by keys.

import {
  createColumnHelper,
  createSortedRowModel,
  rowSortingFeature,
  sortFn_basic,
  tableFeatures,
  useTable,
  type SortingState,
} from "@tanstack/react-table";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useMemo, useRef, useState, type KeyboardEvent, type ReactNode } from "react";
import { useStore } from "../state/store";
import { ColumnChooser } from "./ColumnChooser";
import { choicesFor, shownOf, type Choosable } from "./columns";
import { rowFor } from "./rowKeys";

export interface Column<T> extends Choosable {
  readonly title: string;
  /** Width as in grid-template-columns, the least one first, in px. */
  readonly width: string;
  readonly value: (row: T) => string | number | null;
  readonly show?: (row: T) => ReactNode;
  readonly numeric?: boolean;
}

interface Props<T> {
  label: string;
  /** The name under which the browser keeps which columns are wanted. */
  kept: string;
  rows: readonly T[];
  columns: readonly Column<T>[];
  idOf: (row: T) => string;
  chosen: string;
  onChoose: (id: string) => void;
  sort?: SortingState;
  testId?: string;
}

const features = tableFeatures({
  rowSortingFeature,
  sortedRowModel: createSortedRowModel(),
  sortFns: { basic: sortFn_basic },
});
const ROW_HEIGHT = 26;
const COLUMN_GAP = 10;
/** Left of the first column, and right of the last, where the choice of columns is. */
const MARGINS = 14 + 30;

export function VirtualTable<T extends object>(props: Props<T>) {
  const { label, rows, columns: all, idOf, chosen, onChoose, testId } = props;
  const choices = useStore(choicesFor(props.kept));
  const columns = useMemo(() => shownOf(all, choices), [all, choices]);
  const [sorting, setSorting] = useState<SortingState>(props.sort ?? []);
  const definitions = useMemo(() => {
    const helper = createColumnHelper<typeof features, T>();
    return columns.map((column) =>
      helper.accessor((row): unknown => column.value(row) ?? -1, { id: column.id, sortFn: "basic", sortDescFirst: true }),
    );
  }, [columns]);
  const data = useMemo(() => [...rows], [rows]);
  const table = useTable({ features, columns: definitions, data, state: { sorting }, onSortingChange: setSorting });
  const sorted = table.getRowModel().rows;

  const scroller = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: sorted.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_HEIGHT,
    overscan: 12,
  });

  const step = (event: KeyboardEvent): void => {
    const at = sorted.findIndex((row) => idOf(row.original) === chosen);
    const next = rowFor(event.key, at, sorted.length);
    const row = next === null ? undefined : sorted[next];
    if (next === null || !row) return;
    event.preventDefault();
    onChoose(idOf(row.original));
    virtual.scrollToIndex(next);
  };

  const grid = { gridTemplateColumns: columns.map((column) => column.width).join(" ") };
  const least = { minWidth: leastWidth(columns) };
  return (
    <div className="table-frame">
      <div className="table" role="table" aria-label={label} aria-rowcount={rows.length + 1} data-testid={testId}>
        <div className="table-head" role="row" style={{ ...grid, ...least }}>
          {table.getHeaderGroups()[0]?.headers.map((header, index) => {
            const column = columns[index];
            const direction = header.column.getIsSorted();
            return (
              <button
                key={header.id}
                type="button"
                role="columnheader"
                className={column?.numeric ? "numeric" : ""}
                aria-sort={direction === "asc" ? "ascending" : direction === "desc" ? "descending" : "none"}
                onClick={() => header.column.toggleSorting()}
              >
                {column?.title}
                <span className="sort-mark">{direction === "asc" ? "↑" : direction === "desc" ? "↓" : ""}</span>
              </button>
            );
          })}
        </div>
        <div className="table-body" ref={scroller} tabIndex={0} onKeyDown={step} role="rowgroup" style={least}>
          <div className="table-space" style={{ height: virtual.getTotalSize() }}>
            {virtual.getVirtualItems().map((item) => {
              const row = sorted[item.index]?.original;
              if (!row) return null;
              const id = idOf(row);
              return (
                <div
                  key={id}
                  role="row"
                  aria-selected={id === chosen}
                  aria-rowindex={item.index + 2}
                  className="table-row"
                  style={{ ...grid, transform: `translateY(${item.start}px)` }}
                  onClick={() => onChoose(id === chosen ? "" : id)}
                >
                  {columns.map((column) => (
                    <div key={column.id} role="cell" className={column.numeric ? "numeric" : ""}>
                      {column.show ? column.show(row) : column.value(row)}
                    </div>
                  ))}
                </div>
              );
            })}
          </div>
        </div>
      </div>
      <ColumnChooser table={props.kept} columns={all} />
    </div>
  );
}

/** Pixels below which the columns are scrolled instead of squeezed. */
function leastWidth(columns: readonly { readonly width: string }[]): number {
  const widths = columns.map(({ width }) => Number(/\d+(?=px)/.exec(width)?.[0] ?? 0));
  return widths.reduce((sum, width) => sum + width + COLUMN_GAP, MARGINS - COLUMN_GAP);
}
