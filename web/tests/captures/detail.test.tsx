// SPDX-License-Identifier: Apache-2.0
// @vitest-environment happy-dom
import { act } from "react";
import { expect, it } from "vitest";
import { CaptureDetail } from "../../src/captures/CaptureDetail";
import { capture, interfaceStatus } from "../builders";
import { frameOfTest } from "../rendering";

it("shows interfaces of a capture of very many in portions", () => {
  const { frame, root } = frameOfTest();
  const nodes = Array.from({ length: 1000 }, (_, at) => interfaceStatus(`n${at}`));
  const counted = { State: "active" as const, Since: 0, Reason: "", Matching: 1000, Capturable: 1000, Active: 1000, Failed: 0 };
  act(() => root.render(<CaptureDetail capture={capture("c", { Status: { ...counted, Nodes: nodes } })} />));

  expect(frame.querySelectorAll("[data-testid=capture-interface]")).toHaveLength(200);
  expect(frame.textContent).toContain("200 more of 800");
}, 20_000);
