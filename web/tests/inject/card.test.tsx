// SPDX-License-Identifier: Apache-2.0
// @vitest-environment happy-dom
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { act } from "react";
import { expect, it } from "vitest";
import { InjectionCard } from "../../src/inject/InjectionCard";
import { lossOf } from "../../src/state/injections";
import { injection, injectionOn, totals } from "../resources";
import { frameOfTest } from "../rendering";

const HOSTILE = "<img src=x onerror=alert(1)>";

function shown(view: ReturnType<typeof injection>, refusal = ""): HTMLElement {
  const { frame, root } = frameOfTest();
  act(() =>
    root.render(
      <QueryClientProvider client={new QueryClient()}>
        <InjectionCard injection={view} open refusal={refusal} />
      </QueryClientProvider>,
    ),
  );
  return frame;
}

const counted = totals({ Sent: 4, Received: 2, Lost: 1, Refused: 1, RTTMin: 1e6, RTTMean: 2e6, RTTMax: 3e6 });

it("counts what was sent, answered and lost, with the times", () => {
  const frame = shown(injection("i", [injectionOn("a"), injectionOn("b")], counted));

  const words = [...frame.querySelectorAll("[data-testid=injection-counters] > span")].map((one) => one.textContent);
  expect(words.slice(0, 5)).toEqual(["4 of 10 sent", "2 answered", "1 refused on the way", "25 % lost", "1.0 ms / 2.0 ms / 3.0 ms"]);
});

it("shows names and notes of the network as text", () => {
  const result = { Number: 0, SentNs: 1e15, RTT: -1, Verdict: "lost", From: HOSTILE, Note: HOSTILE };
  const frame = shown(injection("i", [injectionOn("a", { Name: HOSTILE, Reason: HOSTILE, Results: [result] })]));

  expect(frame.querySelector("img")).toBeNull();
  expect(frame.textContent.split(HOSTILE)).toHaveLength(6);
});

it("can be stopped while it runs, and by those who may", () => {
  const stop = (frame: HTMLElement) => frame.querySelector<HTMLButtonElement>(".card-actions button");
  expect(stop(shown(injection("i", [])))?.title).toBe("Stop");
  const refused = stop(shown(injection("i", []), "you may not"));
  expect([refused?.disabled, refused?.title]).toEqual([true, "you may not"]);
});

it("knows no loss before anything is decided", () => {
  expect(lossOf(totals({ Sent: 5 }))).toBeNull();
});
