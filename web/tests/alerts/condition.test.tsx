// SPDX-License-Identifier: Apache-2.0
// @vitest-environment happy-dom
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { act } from "react";
import { expect, it, vi } from "vitest";
import { ConditionNow } from "../../src/alerts/ConditionNow";
import { frameOfTest } from "../rendering";

const VERDICT = { Valid: true, Kind: "nodes", Local: false, Reason: "", Error: "", Hint: "", Span: null };

/** What is said of an expression, and how often the server was asked to run it. */
async function looked(expression: string, callsWorkflow: boolean): Promise<[words: string, runs: number]> {
  const asked = vi.fn(() => Promise.resolve(new Response("[]")));
  vi.stubGlobal("fetch", asked);
  const { frame, root } = frameOfTest();
  const verdict = { ...VERDICT, CallsWorkflow: callsWorkflow };
  await act(async () => {
    root.render(
      <QueryClientProvider client={new QueryClient()}>
        <ConditionNow text={expression} verdict={verdict} />
      </QueryClientProvider>,
    );
    await Promise.resolve();
  });
  return [frame.textContent, asked.mock.calls.length];
}

it("looks whether the condition of an alert holds", async () => {
  expect((await looked("G.V()", false))[1]).toBe(1);
});

it("runs no workflow because somebody opened an alert that names one, or typed its name", async () => {
  const [words, runs] = await looked("G.Workflow('Purge').V()", true);
  expect(words).toContain("calls a workflow");
  expect(runs).toBe(0);
});
