// SPDX-License-Identifier: Apache-2.0
// @vitest-environment happy-dom
import { act, type ReactNode } from "react";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { expect, it, vi } from "vitest";
import { Session, SessionContext } from "../../src/state/session";
import { hasEnded, tookMs } from "../../src/workflows/jobs";
import { JobBody } from "../../src/workflows/JobView";
import { WorkflowCard } from "../../src/workflows/WorkflowCard";
import { graphOf, node } from "../builders";
import { job, parameter, workflow } from "../resources";
import { frameOfTest } from "../rendering";

const HOSTILE = "<img src=x onerror=alert(1)>";

async function shown(element: ReactNode, session = new Session()): Promise<HTMLElement> {
  vi.stubGlobal("fetch", () => Promise.resolve(new Response("[]")));
  const { frame, root } = frameOfTest();
  await act(() => {
    root.render(
      <QueryClientProvider client={new QueryClient()}>
        <SessionContext.Provider value={session}>{element}</SessionContext.Provider>
      </QueryClientProvider>,
    );
    return Promise.resolve();
  });
  return frame;
}

it("shows whatever a workflow says as text", async () => {
  const hostile = workflow("w", {
    Title: HOSTILE,
    Abstract: HOSTILE,
    Description: HOSTILE,
    Source: HOSTILE,
    Parameters: [parameter(HOSTILE, { Description: HOSTILE })],
  });
  const frame = await shown(<WorkflowCard workflow={hostile} open refusals={{ write: "", call: "" }} />);

  expect(frame.querySelector("img")).toBeNull();
  expect(frame.textContent.split(HOSTILE).length).toBeGreaterThan(6);
});

it("takes no node for picked before one is, not even one without a TID", async () => {
  const session = new Session();
  session.graph.set(graphOf([node("rack", { Type: "switch", Name: "rack1" })]));
  const asking = workflow("w", { Parameters: [parameter("From", { Type: "node" })] });
  const frame = await shown(<WorkflowCard workflow={asking} open refusals={{ write: "", call: "" }} />, session);

  expect(frame.querySelector(".pick-target")?.textContent).not.toContain("rack1");
});

it("does not let one run it who may not, and says why", async () => {
  const frame = await shown(<WorkflowCard workflow={workflow("w")} open refusals={{ write: "no writing", call: "no calls" }} />);

  const run = [...frame.querySelectorAll("button")].find((one) => one.textContent === "Run");
  expect([run?.disabled, run?.title]).toEqual([true, "no calls"]);
  expect(frame.querySelector<HTMLButtonElement>("[aria-label='no writing']")?.disabled).toBe(true);
  expect(frame.textContent).not.toContain("Change the source");
});

it("shows log and result of a call as text, and of one that failed the reason", async () => {
  const done = job("j", { State: "done", Log: [HOSTILE], Result: { [HOSTILE]: HOSTILE } });
  expect((await shown(<JobBody job={done} />)).textContent.split(HOSTILE)).toHaveLength(4);

  const failed = await shown(<JobBody job={job("j", { State: "failed", Reason: HOSTILE, Hint: "try again" })} />);
  expect(failed.querySelector("img")).toBeNull();
  expect(failed.querySelector("[role=alert]")?.textContent).toBe(`${HOSTILE} — try again`);
});

it("tells why log and result are not shown", async () => {
  const frame = await shown(<JobBody job={job("j", { State: "done", Withheld: "it is alice's" })} />);

  expect(frame.textContent).toContain("it is alice's");
  expect(frame.querySelector("[data-testid=job-result]")).toBeNull();
});

it("knows how long a call took, or takes", () => {
  expect(tookMs(job("j", { EndedAt: 1500 }), 9000)).toBe(500);
  expect(tookMs(job("j"), 9000)).toBe(8000);
  expect(tookMs(job("j", { StartedAt: 0 }), 9000)).toBe(0);
  expect((["waiting", "running", "stopped"] as const).map((State) => hasEnded(job("j", { State })))).toEqual([false, false, true]);
});
