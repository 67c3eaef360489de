// SPDX-License-Identifier: Apache-2.0
// @vitest-environment happy-dom
import { act } from "react";
import { expect, it, onTestFinished, vi } from "vitest";
import { CopyMenu } from "../../src/ui/CopyMenu";
import { Toasts } from "../../src/ui/toasts";
import { frameOfTest } from "../rendering";

/** A browser that refuses its clipboard, and lets a page copy what is selected or not. */
function refusing(selections: boolean): void {
  vi.stubGlobal("isSecureContext", true);
  vi.spyOn(navigator.clipboard, "writeText").mockRejectedValue(new DOMException("denied", "NotAllowedError"));
  Object.assign(document, { execCommand: () => selections });
  onTestFinished(() => {
    vi.restoreAllMocks();
    Reflect.deleteProperty(document, "execCommand");
  });
}

async function copied(): Promise<{ frame: HTMLElement; button: HTMLElement | null }> {
  const { frame, root } = frameOfTest();
  document.body.append(frame);
  onTestFinished(() => frame.remove());
  act(() =>
    root.render(
      <>
        <CopyMenu choices={[{ label: "id", text: "u1" }]} />
        <Toasts />
      </>,
    ),
  );
  const button = frame.querySelector("button");
  button?.focus();
  await act(async () => {
    button?.click();
    // The refusal, and the other way after it, are settled when the loop turns.
    await new Promise((turned) => setTimeout(turned));
  });
  return { frame, button };
}

it("copies in another way where the clipboard is refused, and keeps the focus", async () => {
  refusing(true);
  const { frame, button } = await copied();

  expect(frame.querySelector("[role=status]")?.textContent).toBe("id copied");
  expect(document.activeElement).toBe(button);
});

it("tells that nothing was copied", async () => {
  refusing(false);
  const { frame } = await copied();

  expect(frame.textContent).toContain("The browser does not let this page copy");
  expect(frame.textContent).not.toContain("id copied");
});
