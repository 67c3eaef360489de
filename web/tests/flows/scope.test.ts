// SPDX-License-Identifier: Apache-2.0
import { afterEach, expect, it, vi } from "vitest";
import { listFlows } from "../../src/api/client";
import { flowsAt } from "../../src/api/network";

afterEach(() => vi.unstubAllGlobals());

it("asks for the flows of an interface in one capture only, live and in the past", async () => {
  const asked: string[] = [];
  vi.stubGlobal("fetch", (url: string, init: { body?: string }) => {
    asked.push(init.body ?? url);
    return Promise.resolve(new Response("[]", { status: 200 }));
  });
  const scope = { node: "it's", capture: "c1" };

  await listFlows(scope, 10);
  await flowsAt(1700000000000, scope, 10);
  await flowsAt(1700000000000, { node: "t" }, 10);

  expect(asked[0]).toContain("node=it%27s&capture=c1");
  expect(asked[1]).toContain(String.raw`.Flows().Has('NodeTID', 'it\\'s').Has('CaptureID', 'c1').Limit(10)`);
  expect(asked[2]).toContain(".Flows().Has('NodeTID', 't').Limit(10)");
});
