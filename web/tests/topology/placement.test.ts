// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "vitest";
import { CELL, freeCell, GROUP_ROOM, middle, pushApart, type Point } from "../../src/topology/placement";

const origin = { x: 0, y: 0 };

const nothing = { points: [], boxes: [] };

it("puts a node where it is wanted when that is free", () => {
  expect(freeCell(origin, origin, nothing)).toEqual(origin);
});

it("puts a node beside what is there, not on it", () => {
  const place = freeCell(origin, origin, { points: [origin], boxes: [] });

  expect(Math.max(Math.abs(place.x) / CELL.width, Math.abs(place.y) / CELL.height)).toBe(1);
});

it("keeps out of the frames of groups", () => {
  const place = freeCell(origin, origin, { points: [], boxes: [{ x1: -300, y1: -50, x2: 300, y2: 500 }] });

  expect(place).toMatchObject({ y: -2 * CELL.height });
});

it("keeps room around a group that is still empty", () => {
  const place = freeCell(origin, origin, { points: [origin], boxes: [] }, GROUP_ROOM);

  expect(Math.abs(place.x) > CELL.width || Math.abs(place.y) > CELL.height).toBe(true);
});

it("prefers the same row", () => {
  expect(freeCell(origin, origin, { points: [origin], boxes: [] }).y).toBe(0);
});

it("gives every one of many nodes a cell of its own", () => {
  const points: Point[] = [];
  for (let placed = 0; placed < 60; placed += 1) points.push(freeCell(origin, origin, { points, boxes: [] }));

  expect(new Set(points.map(({ x, y }) => `${x},${y}`)).size).toBe(60);
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
