// SPDX-License-Identifier: Apache-2.0
// @vitest-environment happy-dom
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { act, type ReactNode } from "react";
import { expect, it, vi } from "vitest";
import { FlowTable } from "../../src/flows/FlowTable";
import type { FlowRow } from "../../src/flows/rows";
import { PacketList } from "../../src/inspector/PacketList";
import { frameOfTest } from "../rendering";

/** Milliseconds; what is waited for comes at once. */
const PATIENCE = 20_000;

/** What is shown of an empty answer to which some hosts gave nothing. */
async function shownWithout(hosts: string, element: ReactNode): Promise<string> {
  const headers = hosts ? { "X-Missing-Hosts": hosts } : {};
  vi.stubGlobal("fetch", () => Promise.resolve(new Response("[]", { headers })));
  const { frame, root } = frameOfTest();
  await act(async () => {
    root.render(<QueryClientProvider client={new QueryClient()}>{element}</QueryClientProvider>);
    await Promise.resolve();
  });
  await act(() => vi.waitFor(() => expect(frame.textContent).toMatch(/No flows|No packet/), PATIENCE));
  return frame.textContent;
}

const flows = <FlowTable scope={{}} chosen="" onChoose={() => undefined} empty="" />;
const packets = <PacketList scope={{ capture: "c" }} names={null} onlyFlow="" onAllFlows={() => undefined} />;

it("says of which hosts flows and packets are missing, instead of showing none", async () => {
  expect(await shownWithout("h1,h2", flows)).toContain("2 hosts did not answer, whose flows are missing here: h1, h2");
  expect(await shownWithout("h1", packets)).toContain("1 host did not answer, whose packets are missing here: h1");
}, PATIENCE);

it("tells what the chosen flow has become each time that flows are read", async () => {
  const flow = { UUID: "f", NodeTID: "t", Start: 1, Last: 2 };
  const read = (packets: number) => [{ ...flow, Metric: { ABPackets: packets, ABBytes: 0, BAPackets: 0, BABytes: 0, Start: 1, Last: 2 } }];
  const client = new QueryClient();
  vi.stubGlobal("fetch", () => Promise.resolve(new Response(JSON.stringify(read(1)))));
  const fresh = vi.fn<(row: FlowRow) => void>();
  const { root } = frameOfTest();
  await act(async () => {
    root.render(
      <QueryClientProvider client={client}>
        <FlowTable scope={{}} chosen="f/t" onChoose={() => undefined} onFresh={fresh} empty="" />
      </QueryClientProvider>,
    );
    await Promise.resolve();
  });
  await act(() => vi.waitFor(() => expect(fresh).toHaveBeenCalled(), PATIENCE));
  await act(async () => {
    client.setQueryData(["flows", {}, ""], { rows: read(5), missingHosts: [] });
    await Promise.resolve();
  });
  await act(() => vi.waitFor(() => expect(fresh.mock.lastCall?.[0].packetsAB).toBe(5), PATIENCE));
}, PATIENCE);

it("says nothing of the kind when all have answered", async () => {
  expect(await shownWithout("", flows)).not.toContain("did not answer");
}, PATIENCE);
