// SPDX-License-Identifier: Apache-2.0
import { expect, test } from "vitest";
import type { CheckView } from "../../src/api/types";
import { inOrder, latest, withNews } from "../../src/state/checks";
import { nothing, received } from "../../src/state/listing";
import { check, checkResult } from "../builders";

test("results are counted as news, each of its own check", () => {
  const news = withNews(new Map([["b", 1]]), [
    { type: "Result", uuid: "a" },
    { type: "Result", uuid: "a" },
    { type: "Deleted", view: check("b") },
  ]);
  expect(Object.fromEntries(news)).toEqual({ a: 2, b: 1 });
});

test("the newest check is listed first", () => {
  const state = received(nothing<CheckView>(), [check("a"), check("b", { CreatedAt: 2000 })]);
  expect(inOrder(state).map((one) => one.UUID)).toEqual(["b", "a"]);
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
