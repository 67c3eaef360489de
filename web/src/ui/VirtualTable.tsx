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
import { rowFor } from "./rowKeys";

export interface Column<T> {
  readonly id: string;
  readonly title: string;
  /** Width as in grid-template-columns. */
  readonly width: string;
  readonly value: (row: T) => string | number | null;
  readonly show?: (row: T) => ReactNode;
  readonly numeric?: boolean;
}

interface Props<T> {
  label: string;
  rows: readonly T[];
  columns: readonly Column<T>[];
  idOf: (row: T) => string;
  chosen: string;
  onChoose: (id: string) => void;
  sort?: SortingState;
  testId?: string;
  /** Pixels below which the columns are scrolled instead of squeezed. */
  minWidth?: number;
}

const features = tableFeatures({
  rowSortingFeature,
  sortedRowModel: createSortedRowModel(),
  sortFns: { basic: sortFn_basic },
});
const ROW_HEIGHT = 26;

export function VirtualTable<T extends object>(props: Props<T>) {
  const { label, rows, columns, idOf, chosen, onChoose, testId, minWidth = 0 } = props;
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
  return (
    <div className="table" role="table" aria-label={label} aria-rowcount={rows.length + 1} data-testid={testId}>
      <div className="table-head" role="row" style={{ ...grid, minWidth }}>
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
      <div className="table-body" ref={scroller} tabIndex={0} onKeyDown={step} role="rowgroup" style={{ minWidth }}>
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
  );
}
