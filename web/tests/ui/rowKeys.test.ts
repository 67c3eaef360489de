// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "vitest";
import { rowFor } from "../../src/ui/rowKeys";

it.each([
  ["ArrowDown", -1, 0],
  ["ArrowDown", 4, 5],
  ["ArrowDown", 99, 99],
  ["ArrowUp", 5, 4],
  ["ArrowUp", -1, 0],
  ["PageDown", 0, 15],
  ["PageUp", 20, 5],
  ["PageUp", 3, 0],
  ["Home", 42, 0],
  ["End", 42, 99],
])("%s from row %d of a hundred leads to row %d", (key, at, row) => {
  expect(rowFor(key, at, 100)).toBe(row);
});

it.each([
  ["Enter", 100],
  ["ArrowDown", 0],
])("%s among %d rows leads nowhere", (key, rows) => {
  expect(rowFor(key, 0, rows)).toBeNull();
});
