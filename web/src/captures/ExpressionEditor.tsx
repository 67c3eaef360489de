// SPDX-License-Identifier: Apache-2.0
// The editor of an expression: steps and metadata keys are completed, the server's verdict is underlined.

import { autocompletion, completionKeymap, type CompletionContext, type CompletionResult } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { HighlightStyle, StreamLanguage, syntaxHighlighting, bracketMatching } from "@codemirror/language";
import { setDiagnostics } from "@codemirror/lint";
import { EditorState } from "@codemirror/state";
import { EditorView, keymap, placeholder } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { useEffect, useRef } from "react";
import type { CheckAnswer } from "../api/types";
import looks from "../ui/styles/editor.css?inline";
import { underline } from "./span";

const STEPS = [
  "V", "E", "At", "Has", "HasKey", "HasNot", "HasEither", "In", "Out", "Both", "InE", "OutE", "BothE", "InV", "OutV",
  "BothV", "ShortestPathTo", "SubGraph", "Dedup", "Limit", "Range", "Sort", "Count", "Values", "Keys", "Flows", "Nodes",
];
const PREDICATES = [
  "Regex", "NE", "NEE", "LT", "GT", "LTE", "GTE", "Inside", "Outside", "Between", "Within", "Without", "Metadata",
  "Ipv4Range", "Since",
];

const language = StreamLanguage.define({
  token(stream) {
    if (stream.match(/^'(?:[^'\\]|\\.)*'?/) || stream.match(/^"(?:[^"\\]|\\.)*"?/)) return "string";
    if (stream.match(/^-?\d+(\.\d+)?/)) return "number";
    if (stream.match(/^[A-Za-z_]\w*/)) return "variableName";
    stream.next();
    return null;
  },
});

const colours = HighlightStyle.define([
  { tag: tags.string, color: "var(--code-string)" },
  { tag: tags.number, color: "var(--code-number)" },
  { tag: tags.variableName, color: "var(--code-name)" },
]);

/** Steps after a dot, keys inside quotes, predicates and steps elsewhere. */
export function complete(keys: () => readonly string[]) {
  return (context: CompletionContext): CompletionResult | null => {
    const key = context.matchBefore(/['"][\w.@-]*/);
    if (key) return { from: key.from + 1, options: keys().map((label) => ({ label, type: "property" })) };
    const step = context.matchBefore(/\.\w*/);
    if (step) return { from: step.from + 1, options: STEPS.map((label) => ({ label, apply: `${label}(`, type: "method" })) };
    const word = context.matchBefore(/\w+/);
    if (!word && !context.explicit) return null;
    const options = PREDICATES.map((label) => ({ label, apply: `${label}(`, type: "function" }));
    return { from: word?.from ?? context.pos, options };
  };
}

/**
 * The editor lives in a shadow tree: there its styles are adopted style sheets, which the strictest content policy
 * allows, whereas in the document it would have to write style elements.
 */
function shadowOf(frame: HTMLElement): ShadowRoot {
  const root = frame.shadowRoot ?? frame.attachShadow({ mode: "open" });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(looks);
  root.adoptedStyleSheets = [sheet];
  return root;
}

interface Props {
  value: string;
  onChange: (text: string) => void;
  onSubmit: () => void;
  keys: () => readonly string[];
  verdict: CheckAnswer | undefined;
}

export function ExpressionEditor({ value, onChange, onSubmit, keys, verdict }: Props) {
  const frame = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView | null>(null);
  const handlers = useRef({ onChange, onSubmit, keys });
  const initial = useRef(value);
  useEffect(() => {
    handlers.current = { onChange, onSubmit, keys };
  });

  useEffect(() => {
    if (!frame.current) return undefined;
    const submit = (): boolean => {
      handlers.current.onSubmit();
      return true;
    };
    const root = shadowOf(frame.current);
    const editor = new EditorView({
      root,
      parent: root,
      state: EditorState.create({
        doc: initial.current,
        extensions: [
          keymap.of([{ key: "Mod-Enter", run: submit }, ...completionKeymap, ...historyKeymap, ...defaultKeymap]),
          history(),
          language,
          syntaxHighlighting(colours),
          bracketMatching(),
          autocompletion({ override: [complete(() => handlers.current.keys())], icons: false }),
          placeholder("G.V().HasKey('ExtID.vm-id')"),
          EditorView.lineWrapping,
          EditorView.contentAttributes.of({ "aria-label": "Expression", spellcheck: "false" }),
          EditorView.updateListener.of((update) => {
            if (update.docChanged) handlers.current.onChange(update.state.doc.toString());
          }),
        ],
      }),
    });
    view.current = editor;
    return () => editor.destroy();
  }, []);

  useEffect(() => {
    const editor = view.current;
    if (editor && editor.state.doc.toString() !== value) {
      editor.dispatch({ changes: { from: 0, to: editor.state.doc.length, insert: value } });
    }
  }, [value]);

  useEffect(() => {
    const editor = view.current;
    if (editor) editor.dispatch(setDiagnostics(editor.state, diagnostics(verdict, editor.state.doc.toString())));
  }, [verdict]);

  return <div className="editor" ref={frame} data-testid="expression" />;
}

function diagnostics(verdict: CheckAnswer | undefined, text: string) {
  if (!verdict || verdict.Valid) return [];
  const message = [verdict.Error, verdict.Hint].filter(Boolean).join("; ");
  return [{ ...underline(text, verdict.Span), severity: "error" as const, message }];
}
