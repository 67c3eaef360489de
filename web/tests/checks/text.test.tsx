// SPDX-License-Identifier: Apache-2.0
// @vitest-environment happy-dom
import { act } from "react";
import { expect, it } from "vitest";
import { InterfaceResult } from "../../src/checks/CheckResults";
import { checkResult } from "../builders";
import { frameOfTest } from "../rendering";

const HOSTILE = "<img src=x onerror=alert(1)>";

it("shows a result with its steps, times and sentences, as text", () => {
  const { frame, root } = frameOfTest();
  const evidence = { Flows: [], Packets: [], Nodes: [], Injections: [] };
  const probed = { ...evidence, Injections: [{ UUID: "i1", Type: "dns4", Target: HOSTILE, Sent: 2, Replies: [] }] };
  const steps = [
    { Type: "dhcp", Verdict: "pass" as const, Sentence: "got 10.0.0.5", AfterMs: 1250, Within: 5000, Evidence: evidence },
    { Type: "dns", Verdict: "fail" as const, Sentence: HOSTILE, AfterMs: null, Within: 5000, Evidence: probed },
  ];

  act(() => root.render(<InterfaceResult result={checkResult("n1", { NodeName: HOSTILE, Verdict: "fail", Steps: steps })} />));

  expect(frame.querySelector("img")).toBeNull();
  expect(frame.textContent.split(HOSTILE)).toHaveLength(3);
  const rows = [...frame.querySelectorAll("tr")].map((row) => [...row.cells].map((cell) => cell.textContent));
  expect(rows).toEqual([
    ["dhcp", "pass", "1.3 s", "got 10.0.0.5"],
    ["dns", "fail", "", `${HOSTILE} by dns4, 2 sent`],
  ]);
});
