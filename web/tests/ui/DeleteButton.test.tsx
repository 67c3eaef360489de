// SPDX-License-Identifier: Apache-2.0
// @vitest-environment happy-dom
import { act } from "react";
import { expect, it, onTestFinished, vi } from "vitest";
import { DeleteButton } from "../../src/ui/DeleteButton";
import { frameOfTest } from "../rendering";

it("is let go of by Escape, which goes no further, with the focus on the bin", () => {
  const { frame, root } = frameOfTest();
  document.body.append(frame);
  const elsewhere = vi.fn();
  window.addEventListener("keydown", elsewhere);
  onTestFinished(() => {
    frame.remove();
    window.removeEventListener("keydown", elsewhere);
  });
  const remove = vi.fn();
  act(() => root.render(<DeleteButton refusal="" busy={false} onDelete={remove} />));
  act(() => frame.querySelector("button")?.click());
  expect(document.activeElement?.textContent).toBe("Delete it");

  act(() => void document.activeElement?.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true })));
  expect(document.activeElement?.getAttribute("aria-label")).toBe("Delete");
  expect([elsewhere.mock.calls.length, remove.mock.calls.length]).toEqual([0, 0]);
});
