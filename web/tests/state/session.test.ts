// SPDX-License-Identifier: Apache-2.0
// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Session } from "../../src/state/session";
import { check } from "../builders";

const SNAPSHOT = JSON.stringify({ Namespace: "Graph", Type: "SyncReply", Status: 200, Obj: { Nodes: [], Edges: [] } });

class FakeSocket {
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { reason: string }) => void) | null = null;
  send = vi.fn();
  close = vi.fn();
}

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

it("has results of checks read again when the connection is back: those of meanwhile were told to nobody", async () => {
  vi.stubGlobal("fetch", (path: string) =>
    Promise.resolve(new Response(JSON.stringify(path === "api/check" ? { c: check("c") } : {}))),
  );
  const sockets: FakeSocket[] = [];
  const session = new Session(() => {
    const socket = new FakeSocket();
    sockets.push(socket);
    return socket as unknown as WebSocket;
  });
  session.start();
  sockets[0]?.onmessage?.({ data: SNAPSHOT });
  await vi.advanceTimersByTimeAsync(0);
  expect(session.checkNews.get().get("c")).toBeUndefined();

  sockets[0]?.onclose?.({ reason: "" });
  await vi.advanceTimersByTimeAsync(1000);
  sockets[1]?.onmessage?.({ data: SNAPSHOT });
  expect(session.checkNews.get().get("c")).toBe(1);
  session.close();
});
