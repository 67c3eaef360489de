// SPDX-License-Identifier: Apache-2.0
// Places of nodes, remembered by the browser: ids are stable, so a reload shows the same picture.

import { storage as browsers, type Keeping } from "../state/storage";
import type { Point } from "./placement";

const KEY = "netsonde.positions";
const MOST = 3000;
/** Also of a page that is open for weeks, while containers come and go; those on the map are set again and again. */
const MOST_AT_HAND = 20_000;
const SAVE_AFTER_MS = 500;

export class PositionMemory {
  private readonly places: Map<string, Point>;
  private timer: ReturnType<typeof setTimeout> | null = null;

  constructor(private readonly storage: Keeping = browsers) {
    this.places = load(storage);
  }

  has(id: string): boolean {
    return this.places.has(id);
  }

  get(id: string): Point | undefined {
    return this.places.get(id);
  }

  all(): Map<string, Point> {
    return new Map(this.places);
  }

  set(id: string, place: Point): void {
    // Deleted and set again, so that the oldest entries come first when some must be dropped.
    this.places.delete(id);
    this.places.set(id, place);
    if (this.places.size > MOST_AT_HAND) this.places.delete(this.places.keys().next().value ?? "");
  }

  save(): void {
    this.timer ??= setTimeout(() => {
      this.timer = null;
      const kept = [...this.places].slice(-MOST).map(([id, { x, y }]) => [id, Math.round(x), Math.round(y)]);
      try {
        this.storage.setItem(KEY, JSON.stringify(kept));
      } catch {
        // A full or forbidden storage only costs the memory of the picture.
      }
    }, SAVE_AFTER_MS);
  }
}

function load(storage: Keeping): Map<string, Point> {
  const places = new Map<string, Point>();
  try {
    const kept: unknown = JSON.parse(storage.getItem(KEY) ?? "[]");
    if (!Array.isArray(kept)) return places;
    for (const entry of kept as unknown[]) {
      if (!Array.isArray(entry)) continue;
      const [id, x, y] = entry as unknown[];
      if (typeof id === "string" && typeof x === "number" && typeof y === "number") places.set(id, { x, y });
    }
  } catch {
    // Whatever is there is not ours: start afresh.
  }
  return places;
}
