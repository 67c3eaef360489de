// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "vitest";
import { blank, fieldsOf, patchOf, toDraft, ttlSeconds } from "../../src/alerts/draft";
import { alert } from "../resources";

it("becomes what the server takes: durations in ms, lists by lines", () => {
  const draft = toDraft({
    ...blank,
    expression: " G.V() ",
    every: "30s",
    holdsFor: "1.5",
    keepFiring: "",
    cooldown: "60",
    actions: "https://a\n\n workflow:W \n",
    labels: "team=net\nformula=a=b\nalone",
  });

  expect(draft).toMatchObject({ Expression: "G.V()", Trigger: "duration:30s", For: 1500, KeepFiring: 0, Cooldown: 60_000 });
  expect(draft.Actions).toEqual(["https://a", "workflow:W"]);
  expect(draft.Labels).toEqual({ team: "net", formula: "a=b", alone: "" });
  expect(ttlSeconds({ ...blank, ttlMinutes: "1.5" })).toBe(90);
});

it("changes only what was touched, so that others' changes of the rest stay", () => {
  const before = alert("a", { For: 1234, Trigger: "duration:5m", Labels: { b: "1", a: "2" }, Actions: ["https://x"] });
  const fields = fieldsOf(before);

  expect(patchOf(before, toDraft(fields))).toEqual([]);
  expect(patchOf(before, toDraft({ ...fields, name: "new", every: "" }))).toEqual([
    { op: "replace", path: "/Name", value: "new" },
    { op: "replace", path: "/Trigger", value: "graph" },
  ]);
});

it("keeps the language of a script", () => {
  expect(toDraft(fieldsOf(alert("a", { Language: "javascript" }))).Language).toBe("javascript");
});
