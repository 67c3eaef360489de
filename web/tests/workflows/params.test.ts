// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "vitest";
import { argumentsOf, controlOf, initial, missing, paragraphs, triggerWords } from "../../src/workflows/params";
import { parameter } from "../resources";

const numbers = parameter("n", { Type: "integer", Default: 5 });
const yes = parameter("yes", { Type: "boolean", Default: true });
const choice = parameter("c", { Default: "a", Values: [{ Value: "a", Description: "" }, { Value: 2, Description: "two" }] });
const node = parameter("node", { Type: "node" });
const other = parameter("other", { Type: "node", Default: "" });

it("offers the control that suits a parameter, and text for types it does not know", () => {
  const strange = parameter("x", { Type: "constructor" });
  expect([numbers, yes, choice, node, strange].map(controlOf)).toEqual(["number", "checkbox", "choice", "node", "text"]);
});

it("begins with the defaults and gives values of the right type", () => {
  const all = [numbers, yes, choice, node, other];
  const values = { ...initial(all), node: "t1" };

  expect(values).toEqual({ n: "5", yes: "true", c: "a", node: "t1", other: "" });
  expect(argumentsOf(all, values)).toEqual({ n: 5, yes: true, c: "a", node: "t1" });
  expect(argumentsOf(all, { ...values, yes: "", c: "2", n: "" })).toEqual({ yes: false, c: 2, node: "t1" });
});

it("needs what has no default", () => {
  const name = parameter("name");
  expect(missing([numbers, yes, node, other, name], { node: " ", name: "x" })).toEqual(["node"]);
});

it("says what calls a workflow by itself", () => {
  const trigger = { Type: "check" as const, Every: "", Check: "", Verdicts: [], Capture: "", Params: {} };
  expect(triggerWords(trigger)).toBe("when any check says fail");
  expect(triggerWords({ ...trigger, Check: "vms", Verdicts: ["fail", "unknown"] })).toBe("when check vms says fail or unknown");
  expect(triggerWords({ ...trigger, Type: "schedule", Every: "5m" })).toBe("every 5m");
});

it("joins the lines of a paragraph and leaves lists alone", () => {
  expect(paragraphs("one\ntwo\n\nthree:\n- a\n- b\n")).toEqual(["one two", "three:\n- a\n- b"]);
  expect(paragraphs("")).toEqual([]);
});
