// SPDX-License-Identifier: Apache-2.0
// @vitest-environment happy-dom
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { act } from "react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { Preview } from "../../src/api/types";
import { useVerdict } from "../../src/captures/useVerdict";
import { frameOfTest } from "../rendering";

const VERDICT = { Valid: true, Kind: "nodes", Local: true, Reason: "", Error: "", Hint: "", Span: null, CallsWorkflow: false };

function Shown({ expression }: { expression: string }) {
  return <p>{useVerdict(expression).preview?.Matching ?? "looking"}</p>;
}

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

it("shows nothing that an earlier expression matches as matches of this one", async () => {
  const asked: string[] = [];
  vi.stubGlobal("fetch", (path: string, init: { body: string }) => {
    const { GremlinQuery: query } = JSON.parse(init.body) as { GremlinQuery: string };
    if (path === "api/query/check") return Promise.resolve(new Response(JSON.stringify(VERDICT)));
    asked.push(query);
    const preview: Partial<Preview> = { Matching: 7, Capturable: 7, Sample: [] };
    return query === "first" ? Promise.resolve(new Response(JSON.stringify(preview))) : new Promise(() => undefined);
  });
  const client = new QueryClient();
  const { frame, root } = frameOfTest();
  const render = async (expression: string): Promise<void> => {
    act(() => root.render(<QueryClientProvider client={client}><Shown expression={expression} /></QueryClientProvider>));
    // A pause of typing, the verdict, what it matches.
    for (let turn = 0; turn < 4; turn += 1) await act(() => vi.advanceTimersByTimeAsync(300));
  };
  await render("first");
  expect(frame.textContent).toBe("7");
  await render("second");

  expect([asked.at(-1), frame.textContent]).toEqual(["second", "looking"]);
  client.clear();
});
