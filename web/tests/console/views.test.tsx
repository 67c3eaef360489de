// SPDX-License-Identifier: Apache-2.0
// @vitest-environment happy-dom
import { act, type ReactNode } from "react";
import { expect, it } from "vitest";
import type { Explanation } from "../../src/api/shapes";
import { ExplanationView } from "../../src/console/ExplanationView";
import { toResult } from "../../src/console/result";
import { beginning } from "../../src/console/ResultJson";
import { Summary } from "../../src/console/Summary";
import { frameOfTest } from "../rendering";

const HOSTILE = "<img src=x onerror=alert(1)>";

function rendered(content: ReactNode): HTMLElement {
  const { frame, root } = frameOfTest();
  act(() => root.render(content));
  return frame;
}

function shown(explanation: Explanation): HTMLElement {
  return rendered(<ExplanationView query="G.V().Has('Nam', 'x')" explanation={explanation} />);
}

it("says how much came in what time, and what is missing", () => {
  const answer = { value: [], octets: 2048, missingHosts: ["h1", "h2", "h3", "h4"], truncated: true, notes: ["h5: br0: no such bridge"] };
  const text = rendered(<Summary answer={answer} result={toResult("values", [1, 2])} milliseconds={12} />).textContent;

  expect(text).toContain("2 rows");
  expect(text).toContain("12 ms");
  expect(text).toContain("truncated: there is more");
  expect(text).toContain("4 hosts did not answer: h1, h2, h3…");
  expect(text).toContain("h5: br0: no such bridge");
});

it("warns of nothing when nothing is missing", () => {
  const answer = { value: [1], octets: 1, missingHosts: [], truncated: false, notes: [] };

  expect(rendered(<Summary answer={answer} result={toResult("values", [1])} milliseconds={1} />).querySelector(".tone-text-amber")).toBeNull();
});

it("marks the place of the reason, as text whatever it is", () => {
  const frame = shown({ Reason: HOSTILE, Hint: "did you mean Name?", Span: [6, 9] });

  expect(frame.querySelector("mark")?.textContent).toBe("Has");
  expect(frame.textContent).toContain(HOSTILE);
  expect(frame.querySelector("img")).toBeNull();
});

it("shows what the steps cost when the server measures it, and no such columns when it does not", () => {
  const step = { Step: "V.Has", Takes: "graph", Gives: "nodes", Index: "Name" };

  expect(shown({ Steps: [{ ...step, Rows: 1200, Milliseconds: 0.5 }], Rows: 1200 }).textContent).toContain("500 µs");
  expect(shown({ Steps: [step], Gives: "nodes" }).querySelectorAll("th")).toHaveLength(3);
});

it("says so when the server tells nothing", () => {
  expect(shown({ Reason: "", Hint: "", Span: null }).textContent).toContain("finds something");
});

it("shows the beginning of a long answer and says that it is one", () => {
  expect(beginning([1, 2])).toEqual({ shown: "[\n  1,\n  2\n]", note: "" });
  expect(beginning(Array.from({ length: 5000 }, (_, at) => at)).note).toContain("all of it in the download");
  expect(beginning("x".repeat(400_000)).shown).toHaveLength(300_000);
});
