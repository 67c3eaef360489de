// SPDX-License-Identifier: Apache-2.0
// How a query runs, and why it finds nothing. What the server does not tell is left out.

import type { ReactNode } from "react";
import type { ExplainedStep, Explanation } from "../api/shapes";
import { underline } from "../editor/span";
import { count, duration } from "../ui/format";
import { EmptyState } from "../ui/widgets";

export function ExplanationView({ query, explanation }: { query: string; explanation: Explanation }) {
  const steps = explanation.Steps ?? [];
  const reads = Object.entries(explanation.Reads ?? {}).filter(([, keys]) => keys.length > 0);
  if (!explanation.Reason && steps.length === 0 && !explanation.Gives) {
    return <EmptyState icon="check" title="The query finds something">The server tells no more about how it runs.</EmptyState>;
  }
  return (
    <div className="scroll explanation" data-testid="explanation">
      {explanation.Reason ? <Reason query={query} explanation={explanation} /> : null}
      <dl className="facts">
        <Fact name="Gives" value={explanation.Gives} />
        <Fact name="Rows" value={explanation.Rows === undefined ? undefined : count(explanation.Rows)} />
        <Fact name="Time" value={explanation.Milliseconds === undefined ? undefined : duration(explanation.Milliseconds)} />
        {reads.map(([kind, keys]) => (
          <Fact key={kind} name={`Reads of ${kind}`} value={<code>{keys.join(", ")}</code>} />
        ))}
      </dl>
      {steps.length > 0 ? <Steps steps={steps} /> : null}
    </div>
  );
}

function Reason({ query, explanation }: { query: string; explanation: Explanation }) {
  const { from, to } = underline(query, explanation.Span ?? null);
  return (
    <div className="reason">
      <p className="tone-text-amber">
        {explanation.Reason}
        {explanation.Hint ? <span className="muted"> — {explanation.Hint}</span> : null}
      </p>
      {explanation.Span ? (
        <code>
          {query.slice(0, from)}
          <mark>{query.slice(from, to)}</mark>
          {query.slice(to)}
        </code>
      ) : null}
    </div>
  );
}

function Fact({ name, value }: { name: string; value: ReactNode | undefined }) {
  if (value === undefined || value === "") return null;
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

function Steps({ steps }: { steps: readonly ExplainedStep[] }) {
  const measured = steps.some((step) => step.Rows !== undefined || step.Milliseconds !== undefined);
  const longest = Math.max(...steps.map((step) => step.Milliseconds ?? 0), 1e-9);
  return (
    <table className="plain-table">
      <thead>
        <tr>
          <th>Step</th>
          <th>Takes → gives</th>
          <th>Index</th>
          {measured ? (
            <>
              <th className="numeric">Rows</th>
              <th className="numeric">Time</th>
            </>
          ) : null}
        </tr>
      </thead>
      <tbody>
        {steps.map((step, at) => (
          <tr key={at}>
            <td>
              <code>{step.Step}</code>
            </td>
            <td>
              {step.Takes} → {step.Gives}
            </td>
            <td>{step.Index ? <code>{step.Index}</code> : <span className="muted">none</span>}</td>
            {measured ? (
              <>
                <td className="numeric">{step.Rows === undefined ? "" : count(step.Rows)}</td>
                <td className="numeric">
                  <meter min={0} max={longest} value={step.Milliseconds ?? 0} />{" "}
                  {step.Milliseconds === undefined ? "" : duration(step.Milliseconds)}
                </td>
              </>
            ) : null}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
