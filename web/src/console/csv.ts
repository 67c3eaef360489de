// SPDX-License-Identifier: Apache-2.0
// Rows as a CSV file (RFC 4180). Pure.

import type { Json } from "../api/types";
import { cellOf, cellText, columnsOf } from "./columns";
import type { Row } from "./result";

/** Every column of every row. */
export function toCsv(rows: readonly Row[]): string {
  const columns = columnsOf(rows, rows.length);
  const lines = rows.map((row) => columns.map((column) => field(cellOf(row, column))).join(","));
  return [columns.map((column) => field(column.title)).join(","), ...lines, ""].join("\r\n");
}

/** A text from a network must not become a formula in the spreadsheet that opens the file. */
function field(value: Json | undefined): string {
  const raw = cellText(value);
  const plain = typeof value !== "number" && /^[=+\-@\t\r]/.test(raw) ? `'${raw}` : raw;
  return /[",\r\n]/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain;
}
