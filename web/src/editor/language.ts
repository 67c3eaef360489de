// SPDX-License-Identifier: Apache-2.0
// How a query is coloured. What is right is the server's to say, so this only tells words, texts and numbers apart.

import { HighlightStyle, StreamLanguage, type StringStream } from "@codemirror/language";
import { tags } from "@lezer/highlight";

const CONSTANTS = /^(?:true|false|null|asc|desc|now|forever)\b/i;

interface State {
  /** Whether the next name follows a dot, and is a step. */
  afterDot: boolean;
  inComment: boolean;
}

export const language = StreamLanguage.define<State>({
  startState: () => ({ afterDot: true, inComment: false }),
  token(stream, state) {
    if (stream.eatSpace()) return null;
    if (state.inComment || stream.match("/*")) {
      state.inComment = !stream.match(/^.*?\*\//);
      if (state.inComment) stream.skipToEnd();
      return "comment";
    }
    if (stream.match(/^(?:\/\/|#).*/)) return "comment";
    const step = state.afterDot;
    state.afterDot = false;
    const word = wordOf(stream, step);
    if (word === null) state.afterDot = stream.next() === ".";
    return word;
  },
});

function wordOf(stream: StringStream, step: boolean): string | null {
  if (stream.match(/^'(?:[^'\\]|\\.)*'?/) || stream.match(/^"(?:[^"\\]|\\.)*"?/)) return "string";
  if (stream.match(/^-?\d+(\.\d+)?/)) return "number";
  if (stream.match(/^\$\w*/)) return "variableName.special";
  if (stream.match(CONSTANTS)) return "atom";
  return stream.match(/^[A-Za-z_]\w*/) ? (step ? "keyword" : "variableName") : null;
}

export const colours = HighlightStyle.define([
  { tag: tags.string, color: "var(--code-string)" },
  { tag: [tags.number, tags.atom], color: "var(--code-number)" },
  { tag: tags.keyword, color: "var(--code-name)", fontWeight: "600" },
  { tag: [tags.variableName, tags.special(tags.variableName)], color: "var(--code-name)" },
  { tag: tags.comment, color: "var(--muted)", fontStyle: "italic" },
]);
