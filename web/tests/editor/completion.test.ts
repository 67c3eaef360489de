// SPDX-License-Identifier: Apache-2.0
// @vitest-environment happy-dom
import { CompletionContext } from "@codemirror/autocomplete";
import { EditorState } from "@codemirror/state";
import { expect, it } from "vitest";
import type { CompletionAnswer } from "../../src/api/types";
import { serverCompletion, toResult } from "../../src/editor/completion";

const answer = (From: number, To: number, ...texts: string[]): CompletionAnswer => ({
  From,
  To,
  Items: texts.map((Text) => ({ Text, Kind: "step", Info: "what it does" })),
});
const context = (text: string, explicit = false) => new CompletionContext(EditorState.create({ doc: text }), text.length, explicit);

it("asks with the cursor in characters and answers in units", async () => {
  const asked: unknown[] = [];
  const complete = serverCompletion((text, cursor) => {
    asked.push([text, cursor]);
    return Promise.resolve(answer(10, 11, "Out("));
  });

  const result = await complete(context("G.V('🛰🛰').O"));

  expect(asked).toEqual([["G.V('🛰🛰').O", 11]]);
  expect(result).toMatchObject({ from: 12, to: 13 });
});

it("keeps the order of the server", () => {
  const boosts = toResult("G.", answer(2, 2, "Z(", "A("))?.options.map((option) => option.boost ?? 0) ?? [];

  expect(boosts[0]).toBeGreaterThan(boosts[1] ?? 0);
});

it("has no list for no offer, and none when the server does not answer", async () => {
  expect(toResult("G.V()", answer(5, 5))).toBeNull();
  expect(await serverCompletion(() => Promise.reject(new Error("down")))(context("G."))).toBeNull();
});

it("asks only where something may stand, unless it is told to", async () => {
  let asked = 0;
  const complete = serverCompletion(() => {
    asked += 1;
    return Promise.resolve(answer(0, 0));
  });

  await complete(context("G.V() "));
  expect(asked).toBe(0);
  for (const text of ["G.", "G.V().Ha", "G.V().Has(", "G.V().Has('", "G.V().Has('Name', ", "G.V().Has('a b"]) await complete(context(text));
  await complete(context("G.V() ", true));
  expect(asked).toBe(7);
});
