// SPDX-License-Identifier: Apache-2.0
// @vitest-environment happy-dom
import { expect, it, onTestFinished, vi } from "vitest";
import { Kept, texts } from "../../src/state/kept";
import { storage } from "../../src/state/storage";
import { theme, toggleTheme } from "../../src/state/theme";

function forbidden(): void {
  const denied = vi.spyOn(window, "localStorage", "get").mockImplementation(() => {
    throw new DOMException("access is denied", "SecurityError");
  });
  onTestFinished(() => denied.mockRestore());
}

it("keeps until the page is left what the browser does not keep", () => {
  forbidden();
  expect(storage.getItem("netsonde.test")).toBeNull();
  storage.setItem("netsonde.test", "a");

  expect(storage.getItem("netsonde.test")).toBe("a");
});

it("works where the browser's storage must not even be named", () => {
  forbidden();
  const before = theme.get();
  toggleTheme();

  expect(theme.get()).not.toBe(before);
  expect(new Kept("netsonde.list", (kept) => texts(kept, 3), []).get()).toEqual([]);
});
