// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "vitest";
import { captureOnNodes, inOrder, listReceived, listRequested, noCaptures, pushed } from "../../src/state/captures";
import type { NodeStatus } from "../../src/api/types";
import { capture, interfaceStatus } from "../builders";

const running = (uuid: string, nodes: NodeStatus[]) =>
  capture(uuid, {
    Status: { State: "active", Since: 0, Reason: "", Matching: 1, Capturable: 1, Active: 1, Failed: 0, Nodes: nodes },
  });

it("prefers what was pushed while the list was being read", () => {
  let state = listRequested(noCaptures);
  state = pushed(state, [
    { type: "Updated", capture: capture("a", { Name: "new" }) },
    { type: "Deleted", capture: capture("b") },
  ]);
  state = listReceived(state, [capture("a", { Name: "old" }), capture("b"), capture("c")]);

  expect(state.byId.get("a")?.Name).toBe("new");
  expect([...state.byId.keys()].sort()).toEqual(["a", "c"]);
});

it("does not collect pushes for ever", () => {
  const state = pushed(listReceived(noCaptures, []), [{ type: "Added", capture: capture("a") }]);

  expect(state.meanwhile).toBeNull();
});

it("lists the newest capture first", () => {
  const state = listReceived(noCaptures, [capture("a", { CreatedAt: 1 }), capture("b", { CreatedAt: 2 })]);

  expect(inOrder(state).map((view) => view.UUID)).toEqual(["b", "a"]);
});

it("marks a node with the most notable state of its captures", () => {
  const state = listReceived(noCaptures, [
    running("a", [interfaceStatus("n1"), interfaceStatus("n2", { State: "starting" })]),
    running("b", [interfaceStatus("n1", { State: "failed" }), interfaceStatus("n3", { State: "finished" })]),
  ]);

  expect(Object.fromEntries(captureOnNodes(state))).toEqual({ n1: "failed", n2: "starting" });
});
