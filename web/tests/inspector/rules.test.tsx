// SPDX-License-Identifier: Apache-2.0
// @vitest-environment happy-dom
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { act } from "react";
import { afterEach, expect, it, vi } from "vitest";
import RulesPanel from "../../src/inspector/RulesPanel";
import { filterRules, rowsOf } from "../../src/inspector/rules";
import { frameOfTest } from "../rendering";

const HOSTILE = "<img src=x onerror=alert(1)>";
const RULE = { Bridge: "br0", Table: 1, Priority: 100, Cookie: "0x2a", Match: "ip,in_port=1", Actions: ["output:2", "output:3"], Packets: 7, Bytes: 686 };
const GROUP = { Bridge: "br0", GroupId: 4, GroupType: "select", Buckets: [{ Actions: ["output:1"] }, { Actions: ["output:2"] }] };

afterEach(() => vi.unstubAllGlobals());

function answering(value: unknown, headers: Record<string, string> = {}): string[] {
  const asked: string[] = [];
  vi.stubGlobal("fetch", (_: unknown, init: { body: string }) => {
    asked.push((JSON.parse(init.body) as { GremlinQuery: string }).GremlinQuery);
    return Promise.resolve(new Response(JSON.stringify(value), { status: 200, headers }));
  });
  return asked;
}

async function shown(nodeId: string): Promise<HTMLElement> {
  const { frame, root } = frameOfTest();
  await act(async () => {
    root.render(
      <QueryClientProvider client={new QueryClient({ defaultOptions: { queries: { retry: false } } })}>
        <RulesPanel nodeId={nodeId} />
      </QueryClientProvider>,
    );
    await Promise.resolve();
  });
  await act(() => vi.waitFor(() => expect(frame.querySelector("[data-testid=rules-count]")?.textContent).not.toBe("")));
  return frame;
}

it("makes a row of each rule and group of an answer", () => {
  expect(rowsOf("rules", [{ n: [RULE] }] as never)).toMatchObject([
    { table: 1, priority: 100, match: "ip,in_port=1", actions: "output:2, output:3", packets: 7, bytes: 686 },
  ]);
  expect(rowsOf("groups", [{ n: [GROUP] }] as never)).toMatchObject([
    { priority: 4, match: "select", actions: "{output:1} {output:2}", packets: null },
  ]);
  expect(rowsOf("rules", [])).toEqual([]);
  expect(rowsOf("rules", { rubbish: ["x", [3], null] })).toEqual([]);
});

it("keeps rules that contain all words, and whole numbers of tables", () => {
  const rows = rowsOf("rules", [{ n: [RULE, { ...RULE, Table: 10 }] }] as never);

  expect(filterRules(rows, "table=1 OUTPUT:3").map((row) => row.table)).toEqual([1]);
  expect(filterRules(rows, "0x2a")).toHaveLength(2);
  expect(filterRules(rows, "arp")).toEqual([]);
});

it("knows a rule again after others came before it, and tells two that look alike apart", () => {
  const of = (...rules: object[]): string[] => rowsOf("rules", [{ n: rules }] as never).map(({ id }) => id);
  const other = { ...RULE, Table: 0 };

  expect(of(other, { ...RULE, Packets: 8 })[1]).toBe(of(RULE)[0]);
  expect(of(RULE)[0]).not.toBe(of(other)[0]);
  expect(new Set(of(RULE, RULE)).size).toBe(2);
});

it("asks for the rules of the node, with whatever its id is as a text", async () => {
  const asked = answering([]);

  await shown("it's");

  expect(asked).toEqual(["G.V('it\\'s').OfRules()"]);
});

it("tells how many there are, and what is missing, as text whatever it is", async () => {
  answering([{ n: [{ ...RULE, Match: HOSTILE }] }], { "X-Notes": JSON.stringify([HOSTILE]), "X-Missing-Hosts": "h7" });

  const frame = await shown("n");

  expect(frame.textContent).toContain("1 rule");
  expect(frame.textContent).toContain(HOSTILE);
  expect(frame.textContent).toContain("h7 did not answer");
  expect(frame.querySelector("img")).toBeNull();
});
