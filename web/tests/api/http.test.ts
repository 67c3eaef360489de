// SPDX-License-Identifier: Apache-2.0
import { expect, it, vi } from "vitest";
import { runQuery } from "../../src/api/client";

/** A server whose first connection is lost after it has read the request; the number of requests that reach it. */
function losing(): () => number {
  let requests = 0;
  vi.stubGlobal("fetch", () => {
    requests += 1;
    return requests === 1 ? Promise.reject(new TypeError("Failed to fetch")) : Promise.resolve(new Response("[]"));
  });
  return () => requests;
}

it("asks again when the connection is lost while a query runs", async () => {
  const requests = losing();
  expect((await runQuery("G.V()")).value).toEqual([]);
  expect(requests()).toBe(2);
});

it("sends a query that calls a workflow once: it may have been called already", async () => {
  const requests = losing();
  await expect(runQuery("G.Workflow('Purge')")).rejects.toThrow("the server does not answer");
  expect(requests()).toBe(1);
});
