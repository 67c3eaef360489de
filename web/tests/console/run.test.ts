// SPDX-License-Identifier: Apache-2.0
// @vitest-environment happy-dom
import { afterEach, expect, it, vi } from "vitest";
import { outcome, run, runShared, stop } from "../../src/console/run";

const VERDICT = { Valid: true, Kind: "nodes", Local: true, Reason: "", Error: "", Hint: "", Span: null };

/** A server; what it was asked to run. */
function serving(callsWorkflow: boolean): string[] {
  const ran: string[] = [];
  vi.stubGlobal("fetch", (address: string | URL, init: { body: string }) => {
    const isCheck = String(address).includes("query/check");
    if (!isCheck) ran.push((JSON.parse(init.body) as { GremlinQuery: string }).GremlinQuery);
    return Promise.resolve(new Response(JSON.stringify(isCheck ? { ...VERDICT, CallsWorkflow: callsWorkflow } : [])));
  });
  return ran;
}

afterEach(() => {
  stop();
  vi.unstubAllGlobals();
});

it("runs what an address asks", async () => {
  const ran = serving(false);
  await runShared("G.V()");

  expect([ran, outcome.get().state]).toEqual([["G.V()"], "done"]);
});

it("calls no workflow because of an address, until somebody presses Run", async () => {
  const ran = serving(true);
  await runShared("G.Workflow('Purge')");
  expect([ran, outcome.get()]).toEqual([[], { state: "held", query: "G.Workflow('Purge')" }]);

  await run("G.Workflow('Purge')");
  expect(ran).toEqual(["G.Workflow('Purge')"]);
});
