// SPDX-License-Identifier: Apache-2.0
// Which row of a table a key chooses. Pure.

/** Rows that Page Up and Page Down pass over. */
const PAGE = 15;

/** Return the row that `key` leads to from row `at` (-1 = none is chosen), null for a key that leads nowhere. */
export function rowFor(key: string, at: number, rows: number): number | null {
  if (rows === 0) return null;
  const wanted = targetOf(key, at, rows);
  return wanted === null ? null : Math.max(0, Math.min(rows - 1, wanted));
}

function targetOf(key: string, at: number, rows: number): number | null {
  switch (key) {
    case "ArrowDown":
      return at + 1;
    case "ArrowUp":
      return at - 1;
    case "PageDown":
      return at + PAGE;
    case "PageUp":
      return at - PAGE;
    case "Home":
      return 0;
    case "End":
      return rows - 1;
    default:
      return null;
  }
}
