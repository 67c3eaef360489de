// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "vitest";
import { asOf, held, mutedFor, muteEnd, rehearsed, triggerOf } from "../../src/alerts/words";
import type { Json, Rehearsal } from "../../src/api/types";

it.each<[Json, boolean]>([
  [[], false],
  [[1], true],
  [0, false],
  [3, true],
  [null, false],
  [false, false],
  [{}, false],
  [{ a: 1 }, true],
  ["", false],
])("judges %j as the server does", (value, holds) => {
  expect(held(value).holds).toBe(holds);
});

it("asks the same query of a moment", () => {
  expect(asOf("G.V().Has('A', 'B')", 1000)).toBe("G.At(1000).V().Has('A', 'B')");
  expect(asOf(" g . V()", 1000)).toBe("G.At(1000). V()");
  expect(asOf("1 > 0", 1000)).toBe("");
});

it("says when it looks and for how long it is muted", () => {
  expect([triggerOf("graph"), triggerOf("duration:30s")]).toEqual(["at changes", "every 30s"]);
  expect(muteEnd("hour", 1000)).toBe(3_601_000);
  expect(mutedFor(muteEnd("hour", 0), 0)).toBe("muted for 1 h 0 min");
  expect(mutedFor(muteEnd("always", 1000), 1000)).toBe("muted");
});

it("says what a dry run found", () => {
  const found: Rehearsal = {
    Fired: 3,
    Notices: 1,
    Looks: 200,
    Step: 1000,
    Start: 0,
    End: 1000,
    Complete: true,
    Transitions: [],
    Problem: "",
  };
  expect(rehearsed(found)).toMatch(/^It would have fired 3 times, with 1 notice, from /);
  expect(rehearsed({ ...found, Fired: 1, Notices: 2 })).toMatch(/^It would have fired once, with 2 notices, /);
  expect(rehearsed({ ...found, Fired: 0, Notices: 0 })).toMatch(/^It would not have fired, with 0 notices, /);
});
