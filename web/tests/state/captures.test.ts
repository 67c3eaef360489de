// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "vitest";
import { captureOnNodes, inOrder } from "../../src/state/captures";
import { nothing, received } from "../../src/state/listing";
import type { CaptureView, NodeStatus } from "../../src/api/types";
import { capture, interfaceStatus } from "../builders";

const none = nothing<CaptureView>();
const running = (uuid: string, nodes: NodeStatus[]) =>
  capture(uuid, {
    Status: { State: "active", Since: 0, Reason: "", Matching: 1, Capturable: 1, Active: 1, Failed: 0, Nodes: nodes },
  });

it("lists the newest capture first", () => {
  const state = received(none, [capture("a", { CreatedAt: 1 }), capture("b", { CreatedAt: 2 })]);

  expect(inOrder(state).map((view) => view.UUID)).toEqual(["b", "a"]);
});

it("marks a node with the most notable state of its captures", () => {
  const state = received(none, [
    running("a", [interfaceStatus("n1"), interfaceStatus("n2", { State: "starting" })]),
    running("b", [interfaceStatus("n1", { State: "failed" }), interfaceStatus("n3", { State: "finished" })]),
  ]);

  expect(Object.fromEntries(captureOnNodes(state))).toEqual({ n1: "failed", n2: "starting" });
});
