// SPDX-License-Identifier: Apache-2.0
import { MutationObserver, onlineManager, QueryObserver } from "@tanstack/react-query";
import { expect, it, onTestFinished, vi } from "vitest";
import { askAgain, requests } from "../../src/state/requests";
import { Store } from "../../src/state/store";
import type { Link } from "../../src/transport/subscriber";

/** Milliseconds; what is waited for comes at once. */
const PATIENCE = 20_000;

it("asks and acts at once although the browser calls itself offline: the server may be on this machine", async () => {
  onlineManager.setOnline(false);
  onTestFinished(() => onlineManager.setOnline(true));
  const client = requests();
  const asked = vi.fn().mockResolvedValue("flows");
  const done = vi.fn().mockResolvedValue("sent");

  void client.query({ queryKey: ["flows"], queryFn: asked });
  void new MutationObserver(client, { mutationFn: done }).mutate(undefined);
  await Promise.resolve();

  expect(asked).toHaveBeenCalledOnce();
  expect(done).toHaveBeenCalledOnce();
});

it("asks anew when a lost connection is back, whatever it still waits for", async () => {
  const link = new Store<Link>({ state: "connecting" });
  const client = requests();
  askAgain(client, link);
  const signals: AbortSignal[] = [];
  const queryFn = ({ signal }: { signal: AbortSignal }): Promise<string> => {
    signals.push(signal);
    return signals.length === 1 ? new Promise(() => undefined) : Promise.resolve("flows");
  };
  const shown = new QueryObserver(client, { queryKey: ["flows"], queryFn });
  onTestFinished(shown.subscribe(() => undefined));
  link.set({ state: "live" });
  expect(signals).toHaveLength(1);

  link.set({ state: "stale", since: 1, retryAt: 2, reason: "" });
  link.set({ state: "live" });
  await vi.waitFor(() => expect(shown.getCurrentResult().data).toBe("flows"), PATIENCE);
  expect(signals.map(({ aborted }) => aborted)).toEqual([true, false]);
}, PATIENCE);
