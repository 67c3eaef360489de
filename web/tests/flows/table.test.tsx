// SPDX-License-Identifier: Apache-2.0
// @vitest-environment happy-dom
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { act, type ReactNode } from "react";
import { expect, it, vi } from "vitest";
import { FlowTable } from "../../src/flows/FlowTable";
import { PacketList } from "../../src/inspector/PacketList";
import { frameOfTest } from "../rendering";

/** What is shown of an empty answer to which some hosts gave nothing. */
async function shownWithout(hosts: string, element: ReactNode): Promise<string> {
  const headers = hosts ? { "X-Missing-Hosts": hosts } : {};
  vi.stubGlobal("fetch", () => Promise.resolve(new Response("[]", { headers })));
  const { frame, root } = frameOfTest();
  await act(async () => {
    root.render(<QueryClientProvider client={new QueryClient()}>{element}</QueryClientProvider>);
    await Promise.resolve();
  });
  await act(() => vi.waitFor(() => expect(frame.textContent).toMatch(/No flows|No packet/)));
  return frame.textContent;
}

const flows = <FlowTable scope={{}} chosen="" onChoose={() => undefined} empty="" />;
const packets = <PacketList scope={{ capture: "c" }} names={null} onlyFlow="" onAllFlows={() => undefined} />;

it("says of which hosts flows and packets are missing, instead of showing none", async () => {
  expect(await shownWithout("h1,h2", flows)).toContain("2 hosts did not answer, whose flows are missing here: h1, h2");
  expect(await shownWithout("h1", packets)).toContain("1 host did not answer, whose packets are missing here: h1");
});

it("says nothing of the kind when all have answered", async () => {
  expect(await shownWithout("", flows)).not.toContain("did not answer");
});
