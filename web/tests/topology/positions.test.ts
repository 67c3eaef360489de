// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "vitest";
import { PositionMemory } from "../../src/topology/positions";

const nothing = { getItem: () => null, setItem: () => undefined };

it("forgets the places that were set longest ago when there are very many", () => {
  const memory = new PositionMemory(nothing);
  memory.set("seen", { x: 1, y: 1 });
  for (let number = 0; number < 19_999; number += 1) memory.set(`n${number}`, { x: 0, y: 0 });
  memory.set("seen", { x: 2, y: 2 });
  memory.set("new", { x: 3, y: 3 });

  expect(memory.all().size).toBe(20_000);
  expect(memory.has("n0")).toBe(false);
  expect(memory.get("seen")).toEqual({ x: 2, y: 2 });
});

it("takes nothing from a storage that is not its own", () => {
  for (const kept of ["{", "7", '[["a", "b", 1], [1, 2, 3], null]']) {
    expect(new PositionMemory({ ...nothing, getItem: () => kept }).all().size).toBe(0);
  }
});
