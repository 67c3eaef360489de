// SPDX-License-Identifier: Apache-2.0
// Where new nodes go: beside their kin, on a free place of a grid; what is already placed stays where it is.

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Box {
  readonly x1: number;
  readonly y1: number;
  readonly x2: number;
  readonly y2: number;
}

/** A node with its label fits into one cell. */
export const CELL = { width: 96, height: 84 } as const;

/** Room for a group that has no content yet: it will not have to push anybody when it gets some. */
export const GROUP_ROOM = { width: CELL.width * 3, height: CELL.height * 2.2 } as const;

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** What stands in the way of a new node: points of single nodes, boxes of groups. */
export interface Taken {
  readonly points: readonly Point[];
  readonly boxes: readonly Box[];
}

/**
 * Return the free cell nearest to `wanted` among the cells of a grid through `anchor`.
 *
 * A cell is free when no other node and no box reaches into the `room` around its middle.
 */
export function freeCell(wanted: Point, anchor: Point, taken: Taken, room: Size = CELL): Point {
  const column = Math.round((wanted.x - anchor.x) / CELL.width);
  const row = Math.round((wanted.y - anchor.y) / CELL.height);
  for (let ring = 0; ring < 200; ring += 1) {
    let best: Point | null = null;
    for (const [dx, dy] of ringOffsets(ring)) {
      const cell = { x: anchor.x + (column + dx) * CELL.width, y: anchor.y + (row + dy) * CELL.height };
      if (isTaken(cell, taken, room)) continue;
      if (!best || distance(cell, wanted) < distance(best, wanted)) best = cell;
    }
    if (best) return best;
  }
  return wanted;
}

function isTaken(cell: Point, { points, boxes }: Taken, room: Size): boolean {
  return points.some((point) => covers(point, cell, room)) || boxes.some((box) => reaches(box, cell, room));
}

export function middle(points: readonly Point[]): Point {
  if (points.length === 0) return { x: 0, y: 0 };
  const sum = points.reduce((acc, point) => ({ x: acc.x + point.x, y: acc.y + point.y }), { x: 0, y: 0 });
  return { x: sum.x / points.length, y: sum.y / points.length };
}

/**
 * Return how far each box must move so that none overlaps another, `fixed` staying where it is.
 *
 * Boxes are moved along the axis of least overlap, away from the fixed one; few rounds suffice for a handful of groups.
 */
export function pushApart(boxes: ReadonlyMap<string, Box>, fixed: string, gap: number): Map<string, Point> {
  const now = new Map(boxes);
  const pusher = [fixed, ...[...boxes.keys()].filter((id) => id !== fixed)];
  for (let round = 0; round < 12; round += 1) {
    let moved = false;
    for (const [index, a] of pusher.entries()) {
      for (const b of pusher.slice(index + 1)) moved = pushOne(now, a, b, gap) || moved;
    }
    if (!moved) break;
  }
  const shifts = new Map<string, Point>();
  for (const [id, before] of boxes) {
    const after = now.get(id) ?? before;
    if (after !== before) shifts.set(id, { x: after.x1 - before.x1, y: after.y1 - before.y1 });
  }
  return shifts;
}

function pushOne(boxes: Map<string, Box>, anchor: string, pushed: string, gap: number): boolean {
  const a = boxes.get(anchor);
  const b = boxes.get(pushed);
  if (!a || !b) return false;
  const overlapX = Math.min(a.x2, b.x2) - Math.max(a.x1, b.x1) + gap;
  const overlapY = Math.min(a.y2, b.y2) - Math.max(a.y1, b.y1) + gap;
  if (overlapX <= 0.5 || overlapY <= 0.5) return false;
  const right = b.x1 + b.x2 >= a.x1 + a.x2 ? 1 : -1;
  const down = b.y1 + b.y2 >= a.y1 + a.y2 ? 1 : -1;
  const shift = overlapX <= overlapY ? { x: right * overlapX, y: 0 } : { x: 0, y: down * overlapY };
  boxes.set(pushed, { x1: b.x1 + shift.x, x2: b.x2 + shift.x, y1: b.y1 + shift.y, y2: b.y2 + shift.y });
  return true;
}

function* ringOffsets(ring: number): Generator<readonly [number, number]> {
  if (ring === 0) yield [0, 0];
  for (let step = -ring; step < ring; step += 1) {
    yield [step, -ring];
    yield [ring, step];
    yield [-step, ring];
    yield [-ring, -step];
  }
}

function covers(point: Point, cell: Point, room: Size): boolean {
  const [dx, dy] = [(room.width + CELL.width) / 2, (room.height + CELL.height) / 2];
  return Math.abs(point.x - cell.x) < dx * 0.9 && Math.abs(point.y - cell.y) < dy * 0.9;
}

function reaches(box: Box, cell: Point, room: Size): boolean {
  const [dx, dy] = [room.width / 2, room.height / 2];
  return cell.x + dx > box.x1 && cell.x - dx < box.x2 && cell.y + dy > box.y1 && cell.y - dy < box.y2;
}

/** A place in the same row is nearer than one in the same column: names are wide, and frames look better flat. */
function distance(a: Point, b: Point): number {
  return Math.hypot(a.x - b.x, (a.y - b.y) * 1.5);
}
