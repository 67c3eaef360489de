// SPDX-License-Identifier: Apache-2.0
import { act } from "react";
import { createRoot, type Root } from "react-dom/client";
import { onTestFinished } from "vitest";

/** An element of no document with a root to render into. Nothing is left of it after the test: others share the window. */
export function frameOfTest(): { frame: HTMLElement; root: Root } {
  Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true });
  const frame = document.createElement("div");
  const root = createRoot(frame);
  onTestFinished(() => {
    act(() => root.unmount());
  });
  return { frame, root };
}
