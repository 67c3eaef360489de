// SPDX-License-Identifier: Apache-2.0
// The editor of a query: completed by the server, its verdict underlined.

import { autocompletion, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { bracketMatching, syntaxHighlighting } from "@codemirror/language";
import { setDiagnostics } from "@codemirror/lint";
import { EditorState } from "@codemirror/state";
import { EditorView, keymap, placeholder } from "@codemirror/view";
import { useEffect, useRef } from "react";
import type { CheckAnswer } from "../api/types";
import looks from "../ui/styles/editor.css?inline";
import { serverCompletion } from "./completion";
import { colours, language } from "./language";
import { underline } from "./span";

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
  verdict: CheckAnswer | undefined;
  label?: string;
  hint?: string;
}

export function QueryEditor({ value, onChange, onSubmit, verdict, label = "Expression", hint = "" }: Props) {
  const frame = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView | null>(null);
  const handlers = useRef({ onChange, onSubmit });
  const initial = useRef(value);
  const fixed = useRef({ label, hint });
  useEffect(() => {
    handlers.current = { onChange, onSubmit };
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
          autocompletion({ override: [serverCompletion()], icons: false, maxRenderedOptions: 60 }),
          placeholder(fixed.current.hint),
          EditorView.lineWrapping,
          EditorView.contentAttributes.of({ "aria-label": fixed.current.label, spellcheck: "false" }),
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
