// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "vitest";
import { fromField, spanFor, toField } from "../../src/time/moments";

const NOW = new Date(2026, 10, 3, 12, 0, 0).getTime();
const HOUR = 3_600_000;

it.each([
  [10 * 60_000, "15 minutes"],
  [HOUR, "hour"],
  [HOUR + 1, "6 hours"],
  [400 * 24 * HOUR, "week"],
])("reaches back %d ms by the shortest span that does: %s", (passed, label) => {
  expect(spanFor(NOW - passed, NOW).label).toBe(label);
});

it("spells a moment as the field does, in local time, and reads it back to the second", () => {
  expect(toField(NOW + 250)).toBe("2026-11-03T12:00:00");
  expect(fromField(toField(NOW), NOW + 1)).toBe(NOW);
});

it.each(["", "soon", "2026-13-40T99:00:00", toField(NOW)])("takes %j for no moment of the past", (text) => {
  expect(fromField(text, NOW)).toBeNull();
});
