// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "vitest";
import { CELL, freeCell, middle, placeBeside, pushApart } from "../../src/topology/placement";

const origin = { x: 0, y: 0 };

it("puts a node where it is wanted when that is free", () => {
  expect(freeCell(origin, origin, [])).toEqual(origin);
});

it("puts a node beside what is there, not on it", () => {
  const place = freeCell(origin, origin, [origin]);

  expect(Math.max(Math.abs(place.x) / CELL.width, Math.abs(place.y) / CELL.height)).toBe(1);
});

it("gives every one of many nodes a cell of its own", () => {
  const ids = Array.from({ length: 60 }, (_, at) => `n${at}`);
  const places = [...placeBeside(ids, origin, [origin]).values()].map(({ x, y }) => `${x},${y}`);

  expect(new Set(places).size).toBe(60);
});

it("pushes overlapped boxes away and leaves the others", () => {
  const boxes = new Map([
    ["grown", { x1: 0, y1: 0, x2: 100, y2: 100 }],
    ["beside", { x1: 90, y1: 0, x2: 190, y2: 100 }],
    ["far", { x1: 900, y1: 0, x2: 990, y2: 100 }],
  ]);
  const shifts = pushApart(boxes, "grown", 10);

  expect(Object.fromEntries(shifts)).toEqual({ beside: { x: 20, y: 0 } });
});

it("has a middle for nothing at all", () => {
  expect(middle([])).toEqual(origin);
});
