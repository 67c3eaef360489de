// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "vitest";
import { receive, type Message } from "../../src/transport/envelope";

const decode = (text: string): Message | null => receive(text).message;
const graph = (type: string, body: unknown, status = 200): string =>
  JSON.stringify({ Namespace: "Graph", Type: type, Status: status, Obj: body });

it.each(["", "not json", "[]", "null", "42", '{"Namespace":"Graph"}', graph("NodeAdded", null), graph("NodeAdded", [])])(
  "has no use for %s",
  (text) => {
    expect(decode(text)).toBeNull();
  },
);

it("ignores notifications for clients of the reference", () => {
  expect(decode('{"Namespace":"OnDemandCaptureNotification","Type":"Added","Obj":{"UUID":"a"}}')).toBeNull();
});

it("reads a snapshot whose lists are null", () => {
  expect(decode(graph("SyncReply", { Nodes: null, Edges: null }))).toEqual({ kind: "snapshot", nodes: [], edges: [] });
});

it("says why a snapshot was refused", () => {
  expect(decode(graph("SyncReply", "no history", 400))).toEqual({ kind: "refused", reason: "no history" });
});

it("drops elements without an id from a snapshot and gives metadata to those without", () => {
  const message = decode(graph("SyncReply", { Nodes: [{ ID: "a" }, {}, null, "x"], Edges: [] }));

  expect(message).toMatchObject({ kind: "snapshot", nodes: [{ ID: "a", Metadata: {} }] });
});

it("reads a partial update without operations", () => {
  const message = decode(graph("NodePartiallyUpdated", { ID: "a", UpdatedAt: 2, Revision: 3, Ops: null }));

  expect(message).toMatchObject({ change: { update: { ID: "a", Revision: 3, Ops: [] } } });
});

it.each([
  ["Updated", { UUID: "w" }, { type: "Updated", view: { UUID: "w" } }],
  ["Job", { UUID: "j", State: "running" }, { type: "Job", uuid: "j" }],
])("reads %s of workflows", (type, body, change) => {
  const { message } = receive(JSON.stringify({ Namespace: "Workflow", Type: type, Obj: body }));

  expect(message).toEqual({ kind: "workflow", change });
});

it.each([
  ["Job", {}],
  ["Job", null],
  ["Sacked", { UUID: "w" }],
])("has no use for %s of workflows with %j", (type, body) => {
  expect(receive(JSON.stringify({ Namespace: "Workflow", Type: type, Obj: body })).message).toBeNull();
});

it("reads a pushed capture", () => {
  const message = decode('{"Namespace":"Capture","Type":"Updated","Obj":{"UUID":"a","Count":1}}');

  expect(message).toMatchObject({ kind: "capture", change: { type: "Updated", view: { UUID: "a" } } });
});

it("numbers also what it has no use for", () => {
  expect(receive('{"Seq":7,"Namespace":"Alert","Type":"Alert","Obj":{}}')).toEqual({ message: null, seq: 7, session: null });
});

it("knows when the server goes on where it was", () => {
  expect(receive('{"Namespace":"Graph","Type":"Resume","Session":"s","Resumed":true,"Obj":{"Missed":0}}')).toEqual({
    message: { kind: "resumed" },
    seq: null,
    session: "s",
  });
});

it("checks and their results are told apart", () => {
  const read = (type: string, body: object) => receive(JSON.stringify({ Namespace: "Check", Type: type, Obj: body })).message;
  expect(read("Updated", { UUID: "k1" })).toEqual({ kind: "check", change: { type: "Updated", view: { UUID: "k1" } } });
  expect(read("Result", { Check: "k1" })).toEqual({ kind: "check", change: { type: "Result", uuid: "k1" } });
  expect([read("Result", {}), read("Updated", {}), read("Else", { UUID: "k1" })]).toEqual([null, null, null]);
});

it("states of alerts and their steps are told apart", () => {
  const read = (type: string, body: object) => receive(JSON.stringify({ Namespace: "AlertStatus", Type: type, Obj: body })).message;
  expect(read("Updated", { UUID: "a" })).toEqual({ kind: "alert", change: { type: "Updated", view: { UUID: "a" } } });
  expect(read("Transition", { Alert: "a" })).toEqual({ kind: "alert", change: { type: "Transition", transition: { Alert: "a" } } });
  expect([read("Transition", { UUID: "a" }), read("Added", {}), read("Other", { UUID: "a" })]).toEqual([null, null, null]);
});

it("changes of injections have the words of the reference", () => {
  const read = (type: string, body: object) =>
    receive(JSON.stringify({ Namespace: "OnDemandPacketInjectionNotification", Type: type, Obj: body })).message;
  expect(read("NodeUpdated", { UUID: "a" })).toEqual({ kind: "injection", change: { type: "Updated", view: { UUID: "a" } } });
  expect(read("Deleted", { UUID: "a" })).toMatchObject({ change: { type: "Deleted" } });
  expect(read("NodeUpdated", {})).toBeNull();
});
