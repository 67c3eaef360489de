// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "vitest";
import { characters, offset, underline } from "../../src/editor/span";

it("marks the characters that the server names", () => {
  expect(underline("G.V().Nope()", [6, 10])).toEqual({ from: 6, to: 10 });
});

it("counts characters beyond the basic plane once, as the server does", () => {
  expect(underline("'🛰' x", [4, 5])).toEqual({ from: 5, to: 6 });
});

it("marks the last character where the end is missing", () => {
  expect(underline("G.V(", [4, 4])).toEqual({ from: 3, to: 4 });
});

it("marks everything when no place is known", () => {
  expect(underline("G.X", null)).toEqual({ from: 0, to: 3 });
});

it("has nothing to mark in nothing", () => {
  expect(underline("", [0, 1])).toEqual({ from: 0, to: 0 });
});

it("finds the same place in characters and in units", () => {
  expect(characters("'🛰' x", 5)).toBe(4);
  expect(offset("'🛰' x", 4)).toBe(5);
});
