// SPDX-License-Identifier: Apache-2.0
// @vitest-environment happy-dom
import { act } from "react";
import { expect, it } from "vitest";
import type { Component, Process } from "../../src/api/types";
import { clockOff, lossesOf, partsOf } from "../../src/status/parts";
import { ProcessCard } from "../../src/status/StatusTab";
import { frameOfTest } from "../rendering";

const HOSTILE = "<img src=x onerror=alert(1)>";

const part = (state: string, counters: Component["Counters"] = {}, reason = ""): Component => ({
  Status: state,
  State: state,
  Reason: reason,
  Since: 1000,
  Counters: counters,
});

function process(probes: Process["Probes"], rest: Partial<Process> = {}): Process {
  return {
    Service: "agent",
    Host: "h1",
    Version: "0.1.0",
    Pid: 1,
    Started: 1000,
    Address: "",
    Probes: probes,
    Kernel: "6.1",
    ClockAhead: 0,
    Abilities: [],
    ...rest,
  };
}

it("shows first what does not run, then what lost something, then the rest by name", () => {
  const parts = partsOf(
    process({ b: part("running"), a: part("running"), bus: part("running", { flows_dropped: 3 }), docker: part("failed") }),
  );

  expect(parts.map((one) => one.name)).toEqual(["docker", "bus", "a", "b"]);
});

it("shows last what reads a daemon that is not there", () => {
  const parts = partsOf(process({ cri: part("absent", { failures: 3 }, "no socket"), z: part("running"), y: part("starting") }));

  expect(parts.map((one) => one.name)).toEqual(["y", "z", "cri"]);
});

it("tells losses from other counters", () => {
  const counters = { flows_dropped: 1200, dropped: 2, drop_policy: 1, packets_sent: 9, spool_errors: 0, reaped_drops: 1 };

  expect(lossesOf(counters)).toEqual(["flows dropped 1\u202f200", "dropped 2", "reaped drops 1"]);
});

it.each([
  [null, ""],
  [499, ""],
  [2500, "its clock is 2.5 s ahead"],
  [-60_000, "its clock is 1 min 0 s behind"],
])("says of a clock %j ms ahead: %j", (ahead, words) => {
  expect(clockOff(ahead)).toBe(words);
});

it("shows whatever a host says as text, and what it cannot do", () => {
  const { frame, root } = frameOfTest();
  const hostile = process(
    { [HOSTILE]: part("failed", { [HOSTILE]: 1 }, HOSTILE) },
    { Host: HOSTILE, Abilities: [{ Name: "CAP_NET_RAW", Able: false, Reason: HOSTILE, Purpose: "captures" }] },
  );
  act(() => root.render(<ProcessCard process={hostile} />));

  expect(frame.querySelector("img")).toBeNull();
  expect(frame.textContent).toContain(`CAP_NET_RAW is missing (${HOSTILE}), needed for captures`);
});
