// SPDX-License-Identifier: Apache-2.0
import { MutationObserver, onlineManager } from "@tanstack/react-query";
import { expect, it, onTestFinished, vi } from "vitest";
import { requests } from "../../src/state/requests";

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
