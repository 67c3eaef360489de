// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "vitest";
import { scaleOf } from "../../src/topology/overview";

const PICTURE = { width: 112, height: 62 };

it("fits the map into the picture, in its middle", () => {
  const { factor, x, y } = scaleOf({ x1: -100, y1: 0, x2: 100, y2: 20 }, PICTURE);

  expect(factor).toBe(0.5);
  expect([-100 * factor + x, 100 * factor + x, 10 * factor + y]).toEqual([6, 106, 31]);
});

it("bears a map of one point", () => {
  expect(scaleOf({ x1: 5, y1: 5, x2: 5, y2: 5 }, PICTURE).factor).toBe(50);
});
