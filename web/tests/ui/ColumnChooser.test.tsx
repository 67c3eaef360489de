// SPDX-License-Identifier: Apache-2.0
// @vitest-environment happy-dom
import { act } from "react";
import { createRoot } from "react-dom/client";
import { expect, it, vi } from "vitest";
import { ColumnChooser } from "../../src/ui/ColumnChooser";

const COLUMNS = [
  { id: "a", title: "A" },
  { id: "b", title: "B" },
];

it("is closed by Escape, which goes no further, with the focus on its button", () => {
  Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true });
  const frame = document.body.appendChild(document.createElement("div"));
  const elsewhere = vi.fn();
  window.addEventListener("keydown", elsewhere);
  act(() => createRoot(frame).render(<ColumnChooser table="t" columns={COLUMNS} />));
  const button = frame.querySelector("button");
  act(() => button?.click());
  const box = frame.querySelector("input");
  act(() => box?.focus());

  act(() => void box?.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true })));
  expect(frame.querySelector("input")).toBeNull();
  expect(document.activeElement).toBe(button);
  expect(elsewhere).not.toHaveBeenCalled();

  act(() => void button?.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true })));
  expect(elsewhere).toHaveBeenCalledOnce();
  window.removeEventListener("keydown", elsewhere);
});
