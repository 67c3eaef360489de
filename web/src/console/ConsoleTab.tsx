// SPDX-License-Identifier: Apache-2.0
// The query console: an editor, what was asked before, and the answer.

import { useEffect } from "react";
import { QueryEditor } from "../editor/QueryEditor";
import { useCheck } from "../editor/useCheck";
import { place } from "../state/place";
import { useStore } from "../state/store";
import { Button, IconButton } from "../ui/widgets";
import { EXAMPLES } from "./examples";
import { history } from "./history";
import { OutcomeView } from "./OutcomeView";
import { draftQuery, explain, outcome, run, runShared, stop } from "./run";

const LONGEST_SHOWN = 90;

export default function ConsoleTab() {
  const draft = useStore(draftQuery);
  const { q } = useStore(place);
  const now = useStore(outcome);
  const { verdict } = useCheck(draft);
  const query = draft.trim();
  const running = now.state === "running";

  // An address that was shared, or the browser's Back: show what it names.
  useEffect(() => {
    const shown = outcome.get();
    if (q === "" || (shown.state !== "none" && shown.query === q)) return;
    draftQuery.set(q);
    void (place.get().show === "explain" ? explain(q) : runShared(q));
  }, [q]);

  const submit = (): void => {
    if (query !== "") void run(query);
  };
  return (
    <div className="stack fill console" data-testid="console">
      <header className="section-head roomy">
        <h3>Query</h3>
        <span className="spring" />
        <Recall label="Examples" queries={EXAMPLES.map(({ title, query: text }) => [text, title])} />
        <Recall label="History" queries={useStore(history).map((text) => [text, oneLine(text)])} />
      </header>
      <div className="console-editor">
        <QueryEditor
          label="Query"
          hint="G.V().Has('Type', 'veth')"
          value={draft}
          onChange={(text) => draftQuery.set(text)}
          onSubmit={submit}
          verdict={verdict}
        />
        <p className="verdict" aria-live="polite" data-testid="verdict">
          {verdict?.Valid === false ? (
            <span className="tone-text-red">
              {verdict.Error}
              {verdict.Hint ? <span className="muted"> — {verdict.Hint}</span> : null}
            </span>
          ) : (
            <span className="muted">{verdict?.Kind ? `gives ${verdict.Kind}` : ""}</span>
          )}
        </p>
        <div className="console-actions">
          <Button primary icon="play" disabled={query === "" || verdict?.Valid === false} onClick={submit}>
            Run
          </Button>
          <Button icon="search" disabled={query === "" || verdict?.Valid === false} onClick={() => void explain(query)}>
            Explain
          </Button>
          <kbd>Ctrl Enter</kbd>
          {running ? <IconButton icon="close" label="Stop" onClick={stop} /> : null}
        </div>
      </div>
      <OutcomeView outcome={now} />
    </div>
  );
}

/** A list of queries of which one is put into the editor. */
function Recall({ label, queries }: { label: string; queries: readonly (readonly [query: string, title: string])[] }) {
  return (
    <select
      className="recall"
      aria-label={label}
      value=""
      disabled={queries.length === 0}
      onChange={(event) => draftQuery.set(event.target.value)}
    >
      <option value="" hidden>
        {label}
      </option>
      {queries.map(([query, title]) => (
        <option key={query} value={query} title={query}>
          {title}
        </option>
      ))}
    </select>
  );
}

function oneLine(query: string): string {
  const line = query.replace(/\s+/g, " ");
  return line.length > LONGEST_SHOWN ? `${line.slice(0, LONGEST_SHOWN - 1)}…` : line;
}
