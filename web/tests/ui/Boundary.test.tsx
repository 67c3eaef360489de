// SPDX-License-Identifier: Apache-2.0
// @vitest-environment happy-dom
import { act } from "react";
import { expect, it, vi } from "vitest";
import { Boundary } from "../../src/ui/Boundary";
import { frameOfTest } from "../rendering";

function Broken(): never {
  throw new Error("its file is not there");
}

it("says what is wrong with one part, and leaves the others", () => {
  const told = vi.spyOn(console, "error").mockImplementation(() => undefined);
  const { frame, root } = frameOfTest();
  act(() =>
    root.render(
      <>
        <p>the map</p>
        <Boundary what="This tab">
          <Broken />
        </Boundary>
      </>,
    ),
  );
  told.mockRestore();

  expect(frame.querySelector("p")?.textContent).toBe("the map");
  expect(frame.querySelector("[role=alert]")?.textContent).toMatch(/^This tab cannot be shown.*its file is not there/);
});
