// SPDX-License-Identifier: Apache-2.0
import { expect, it, vi } from "vitest";
import { logIn } from "../../src/api/access";
import { deleteCapture, listCaptures, runQuery } from "../../src/api/client";

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

it("takes what is gone for deleted when the answer to its deletion was lost, and only then", async () => {
  const answers = [Promise.reject(new TypeError("Failed to fetch")), Promise.resolve(new Response("no such capture", { status: 404 }))];
  vi.stubGlobal("fetch", () => answers.shift() ?? Promise.resolve(new Response("no such capture", { status: 404 })));

  await expect(deleteCapture("c")).resolves.toBeUndefined();
  await expect(deleteCapture("c")).rejects.toThrow("no such capture");
});

it("tells of a proxy's page for people what it says, not how it is drawn", async () => {
  const page = "<html><head><title>502 Bad Gateway</title></head><body>…</body></html>";
  vi.stubGlobal("fetch", () => Promise.resolve(new Response(page, { status: 502, statusText: "Bad Gateway" })));

  await expect(listCaptures()).rejects.toThrow(/^a proxy before the server answered 502 \(Bad Gateway\)$/);
  expect(await logIn("me", "word")).toBe("a proxy before the server answered 502 (Bad Gateway)");
});

it("tells the server's words as they are", async () => {
  vi.stubGlobal("fetch", () => Promise.resolve(new Response("no such capture\nhint: list them", { status: 404 })));

  await expect(listCaptures()).rejects.toThrow(/^no such capture\nhint: list them$/);
  expect(await logIn("me", "word")).toBe("no such capture: list them");
});
