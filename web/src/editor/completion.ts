// SPDX-License-Identifier: Apache-2.0
// Completion by the server, which knows the steps, the schema and what is in the graph now.

import type { Completion, CompletionContext, CompletionResult } from "@codemirror/autocomplete";
import { completeQuery } from "../api/client";
import type { CompletionAnswer, CompletionItem } from "../api/types";
import { characters, offset } from "./span";

const LOOKS: Readonly<Record<string, string>> = {
  step: "method",
  predicate: "function",
  key: "property",
  value: "text",
  keyword: "keyword",
};

type Ask = (text: string, cursor: number, signal: AbortSignal) => Promise<CompletionAnswer>;

/** Ask the server at each pause of typing; a server that does not answer costs completion, nothing else. */
export function serverCompletion(ask: Ask = completeQuery) {
  return async (context: CompletionContext): Promise<CompletionResult | null> => {
    if (!context.explicit && !isWorthAsking(context)) return null;
    const text = context.state.doc.toString();
    const aborter = new AbortController();
    context.addEventListener("abort", () => aborter.abort());
    try {
      return toResult(text, await ask(text, characters(text, context.pos), aborter.signal));
    } catch {
      return null;
    }
  };
}

export function toResult(text: string, answer: CompletionAnswer): CompletionResult | null {
  if (answer.Items.length === 0) return null;
  const last = answer.Items.length - 1;
  // The server has filtered and ordered them already: the editor must not do it again by its own rules.
  const options = answer.Items.map((item, at): Completion => ({ ...toOption(item), boost: ((last - at) / (last + 1)) * 99 }));
  return { from: offset(text, answer.From), to: offset(text, answer.To), options, filter: false };
}

function toOption(item: CompletionItem): Completion {
  const type = LOOKS[item.Kind];
  return { label: item.Text, ...(item.Info ? { detail: item.Info } : {}), ...(type ? { type } : {}) };
}

/** In a word, after a dot, or where an argument or a text begins. */
function isWorthAsking(context: CompletionContext): boolean {
  return context.matchBefore(/[\w.('",]\s?|['"][^'"]*/) !== null;
}
