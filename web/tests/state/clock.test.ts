// SPDX-License-Identifier: Apache-2.0
// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { whoAmI } from "../../src/api/access";
import { now, setBy } from "../../src/state/clock";

const HOUR = 3_600_000;
const BROWSER = Date.UTC(2026, 10, 30, 12, 0, 0);

beforeEach(() => {
  vi.useFakeTimers({ now: BROWSER, toFake: ["Date"] });
});

afterEach(() => {
  setBy(new Date(BROWSER).toUTCString(), BROWSER, BROWSER);
  vi.useRealTimers();
});

it("tells the time by the server's clock where the browser's is wrong", async () => {
  const date = new Date(BROWSER - 2 * HOUR).toUTCString();
  vi.stubGlobal("fetch", () => Promise.resolve(new Response("{}", { headers: { Date: date } })));
  await whoAmI();

  expect(Math.abs(now() - (BROWSER - 2 * HOUR))).toBeLessThanOrEqual(500);
});

it("leaves alone what is as near as an answer can tell", () => {
  setBy(new Date(BROWSER - 3000).toUTCString(), BROWSER - 4000, BROWSER);
  expect(now()).toBe(BROWSER);
  setBy(null, BROWSER, BROWSER);
  setBy("yesterday", BROWSER, BROWSER);
  expect(now()).toBe(BROWSER);
});
