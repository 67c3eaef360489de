// SPDX-License-Identifier: Apache-2.0
// How much a query gave, how long it took, and what is known to be missing.

import type { QueryAnswer } from "../api/shapes";
import { bytes, duration, plural } from "../ui/format";
import type { Result } from "./result";

const NOUNS: Readonly<Record<string, string>> = { nodes: "node", edges: "edge", paths: "path", flows: "flow", packets: "packet" };
const HOSTS_NAMED = 3;

interface Props {
  answer: QueryAnswer;
  result: Result;
  milliseconds: number;
}

export function Summary({ answer, result, milliseconds }: Props) {
  const { missingHosts } = answer;
  const named = missingHosts.slice(0, HOSTS_NAMED).join(", ");
  return (
    <p className="result-summary" role="status" data-testid="result-summary">
      <strong>{amount(result)}</strong>
      <span className="muted" title="from sending the query to the last byte of the answer">
        {duration(milliseconds)} · {bytes(answer.octets)}
      </span>
      {answer.truncated ? (
        <span className="tone-text-amber" title="More exists than the server looks at for one query; narrow the query">
          truncated: there is more
        </span>
      ) : null}
      {missingHosts.length > 0 ? (
        <span className="tone-text-amber" title={missingHosts.join(", ")}>
          {plural(missingHosts.length, "host")} did not answer: {named}
          {missingHosts.length > HOSTS_NAMED ? "…" : ""}
        </span>
      ) : null}
      {answer.notes.map((note) => (
        <span key={note} className="tone-text-amber" title={note}>
          {note}
        </span>
      ))}
      {result.rows.length === 0 ? <span className="muted">Explain says why nothing is found</span> : null}
    </p>
  );
}

function amount(result: Result): string {
  if (result.kind === "graph") return `${plural(result.nodes.size, "node")}, ${plural(result.edges.size, "edge")}`;
  return plural(result.rows.length, NOUNS[result.kind] ?? "row");
}
