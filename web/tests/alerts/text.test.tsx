// SPDX-License-Identifier: Apache-2.0
// @vitest-environment happy-dom
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { act } from "react";
import { expect, it, onTestFinished, vi } from "vitest";
import { AlertCard } from "../../src/alerts/AlertCard";
import { setBy } from "../../src/state/clock";
import { alert, transition } from "../resources";
import { frameOfTest } from "../rendering";

const HOSTILE = "<img src=x onerror=alert(1)>";

async function shown(refusal: string): Promise<HTMLElement> {
  vi.stubGlobal("fetch", () => Promise.resolve(new Response(JSON.stringify([transition("a", { Summary: HOSTILE })]))));
  const view = alert("a", {
    Name: HOSTILE,
    Description: HOSTILE,
    State: "firing",
    Summary: HOSTILE,
    Problem: HOSTILE,
    Undelivered: [HOSTILE],
    Labels: { team: HOSTILE },
  });
  const { frame, root } = frameOfTest();
  await act(async () => {
    root.render(
      <QueryClientProvider client={new QueryClient()}>
        <AlertCard alert={view} open refusal={refusal} onEdit={() => undefined} />
      </QueryClientProvider>,
    );
    await Promise.resolve();
  });
  await act(() => vi.waitFor(() => expect(frame.querySelector("[data-testid=alert-step]")).not.toBeNull()));
  return frame;
}

it("shows whatever an alert says as text", async () => {
  const frame = await shown("");

  expect(frame.querySelector("img")).toBeNull();
  expect(frame.textContent.split(HOSTILE)).toHaveLength(8);
  expect([...frame.querySelectorAll(".card-actions > :disabled")]).toEqual([]);
});

it("is muted for an hour of the server's, also where the browser's clock is wrong", async () => {
  const frame = await shown("");
  const sent = vi.fn<(path: string, init: { body: string }) => Promise<Response>>(() => Promise.resolve(new Response(JSON.stringify(alert("a")))));
  vi.stubGlobal("fetch", sent);
  const began = Date.now();
  setBy(new Date(began - 7_200_000).toUTCString(), began, began);
  onTestFinished(() => setBy(new Date().toUTCString(), Date.now(), Date.now()));
  const select = frame.querySelector<HTMLSelectElement>("select.mute");
  await act(async () => {
    if (select) select.value = "hour";
    select?.dispatchEvent(new Event("change", { bubbles: true }));
    await vi.waitFor(() => expect(sent).toHaveBeenCalled());
  });

  const [{ value }] = JSON.parse(sent.mock.calls[0]?.[1].body ?? "[]") as [{ value: number }];
  expect(Math.abs(value - (began - 3_600_000))).toBeLessThan(60_000);
});

it("says why it cannot be changed, and does not let it be", async () => {
  const frame = await shown("you may not");

  const controls = [...frame.querySelectorAll<HTMLElement>(".card-actions > *")];
  expect(controls.map((one) => [one.matches(":disabled"), one.title])).toEqual(Array(3).fill([true, "you may not"]));
});
