// SPDX-License-Identifier: Apache-2.0
import { expect, test } from "vitest";
import { inOrder, latest, listReceived, listRequested, noChecks, pushed } from "../../src/state/checks";
import { check, checkResult } from "../builders";

test("what is pushed while the list is read wins over it", () => {
  let state = pushed(listRequested(noChecks), [{ type: "Updated", check: check("a", { Name: "new" }) }]);
  state = listReceived(state, [check("a", { Name: "old" }), check("b", { CreatedAt: 2000 })]);
  expect(inOrder(state).map((one) => one.Name)).toEqual(["b", "new"]);
  expect(state.loaded).toBe(true);
});

test("a deleted check goes and results are counted as news", () => {
  let state = listReceived(noChecks, [check("a")]);
  state = pushed(state, [
    { type: "Result", uuid: "a" },
    { type: "Result", uuid: "a" },
    { type: "Deleted", check: check("a") },
  ]);
  expect([inOrder(state), state.news.get("a")]).toEqual([[], 2]);
});

test("the latest result of each interface is shown, failures first", () => {
  const results = [
    checkResult("n1", { StartedAt: 3000, Verdict: "pass" }),
    checkResult("n2", { StartedAt: 2000, Verdict: "fail" }),
    checkResult("n1", { StartedAt: 1000, Verdict: "fail" }),
  ];
  expect(latest(results).map((one) => [one.NodeID, one.Verdict])).toEqual([
    ["n2", "fail"],
    ["n1", "pass"],
  ]);
});
