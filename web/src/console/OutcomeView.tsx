// SPDX-License-Identifier: Apache-2.0
// The answer of a query in the form that was chosen, with what is known to be missing from it.

import { useEffect, useMemo } from "react";
import { matches } from "../captures/draft";
import { place, refine, type ResultView } from "../state/place";
import { useSession } from "../state/session";
import { useStore } from "../state/store";
import { count } from "../ui/format";
import { EmptyState, ErrorNote, IconButton, Tabs } from "../ui/widgets";
import { toCsv } from "./csv";
import { download } from "./download";
import { ExplanationView } from "./ExplanationView";
import { subGraph } from "./result";
import { ResultGraph } from "./ResultGraph";
import { ResultJson } from "./ResultJson";
import { ResultTable } from "./ResultTable";
import type { Outcome } from "./run";
import { Summary } from "./Summary";

type Done = Extract<Outcome, { state: "done" }>;
type Form = Exclude<ResultView, "explain">;

const NO_MATCH: ReadonlySet<string> = new Set();
const DRAWN: readonly string[] = ["graph", "nodes", "edges", "paths", "flows"];
/** What the canvas takes without becoming slow. */
const MOST_DRAWN = 1500;

export function OutcomeView({ outcome }: { outcome: Outcome }) {
  switch (outcome.state) {
    case "none":
      return (
        <EmptyState icon="search" title="Ask the network">
          Steps, keys and values are completed while you type; the server has the last word on what is right.
        </EmptyState>
      );
    case "running":
      return <EmptyState icon="hourglass" title="Running…" />;
    case "held":
      return (
        <EmptyState icon="alert" title="It calls a workflow">
          A link brought this query, and a workflow may change something. Read it, then press Run.
        </EmptyState>
      );
    case "failed":
      return (
        <div className="scroll">
          <ErrorNote>
            <span className="error-text">{outcome.message}</span>
          </ErrorNote>
        </div>
      );
    case "explained":
      return <ExplanationView query={outcome.query} explanation={outcome.explanation} />;
    case "done":
      return <Answer done={outcome} />;
  }
}

function Answer({ done }: { done: Done }) {
  const { show } = useStore(place);
  const graph = useStore(useSession().graph);
  const part = useMemo(() => subGraph(done.result, graph), [done.result, graph]);
  useEffect(() => {
    matches.set(new Set(part.nodes.keys()));
    return () => matches.set(NO_MATCH);
  }, [part]);

  const drawable = DRAWN.includes(done.result.kind);
  const form = formOf(show, done.result.kind);
  return (
    <section className="stack fill" aria-label="Result">
      <Summary {...done} />
      <div className="result-bar">
        <Tabs<Form>
          small
          label="Form of the result"
          chosen={form}
          onChoose={(next) => refine({ show: next })}
          items={[
            { id: "table", label: "Table" },
            ...(drawable ? [{ id: "graph" as const, label: "Graph" }] : []),
            { id: "json", label: "JSON" },
          ]}
        />
        <span className="spring" />
        <Downloads done={done} />
      </div>
      {form === "json" ? <ResultJson value={done.answer.value} /> : null}
      {form === "table" ? <ResultTable result={done.result} /> : null}
      {form === "graph" ? (
        part.nodes.size > MOST_DRAWN ? (
          <EmptyState icon="web" title={`${count(part.nodes.size)} nodes are too many to draw`}>
            Narrow the query with Has() or Limit() to at most {count(MOST_DRAWN)}.
          </EmptyState>
        ) : (
          <ResultGraph part={part} />
        )
      ) : null}
    </section>
  );
}

function formOf(show: ResultView | "", kind: string): Form {
  if (show === "json" || show === "table") return show;
  return (show === "graph" && DRAWN.includes(kind)) || (show === "" && kind === "graph") ? "graph" : "table";
}

function Downloads({ done }: { done: Done }) {
  return (
    <>
      <button
        type="button"
        className="link-button"
        title="Every row and column; texts that would be formulas get a quote before them"
        onClick={() => download("result.csv", "text/csv", toCsv(done.result.rows))}
      >
        CSV
      </button>
      <IconButton
        icon="download"
        label="Download JSON"
        onClick={() => download("result.json", "application/json", JSON.stringify(done.answer.value, null, 2))}
      />
    </>
  );
}
