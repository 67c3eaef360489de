// SPDX-License-Identifier: Apache-2.0
// What the alert in the form would have done: how often it would have fired, and when. Nobody is told anything.

import { useMutation } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { rehearseAlert, type AlertDraft } from "../api/alerts";
import { now } from "../state/clock";
import { duration } from "../ui/format";
import { Button, ErrorNote, messageOf } from "../ui/widgets";
import { Steps } from "./AlertHistory";
import { rehearsed } from "./words";

const HOUR = 3_600_000;
const SPANS: readonly { label: string; ms: number }[] = [
  { label: "the last 10 minutes", ms: HOUR / 6 },
  { label: "the last hour", ms: HOUR },
  { label: "the last 6 hours", ms: 6 * HOUR },
  { label: "the last day", ms: 24 * HOUR },
  { label: "the last week", ms: 168 * HOUR },
];

export function DryRun({ draft, disabled }: { draft: AlertDraft; disabled: boolean }) {
  const [span, setSpan] = useState(HOUR);
  const run = useMutation({
    mutationFn: () => {
      const end = now();
      return rehearseAlert(draft, end - span, end);
    },
  });
  const section = useRef<HTMLElement>(null);
  useEffect(() => {
    if (run.data) section.current?.scrollIntoView({ block: "nearest" });
  }, [run.data]);
  return (
    <section className="dry-run" aria-label="Dry run" ref={section}>
      <div className="dry-run-head">
        <Button icon="search" disabled={disabled || run.isPending} onClick={() => run.mutate()}>
          {run.isPending ? "Looking…" : "Dry run"}
        </Button>
        <span className="muted">over</span>
        <select aria-label="Over" value={span} onChange={(event) => setSpan(Number(event.target.value))}>
          {SPANS.map(({ label, ms }) => (
            <option key={ms} value={ms}>
              {label}
            </option>
          ))}
        </select>
      </div>
      {run.error ? <ErrorNote>{messageOf(run.error)}</ErrorNote> : null}
      {run.data ? (
        <>
          <p data-testid="rehearsal">
            <strong>{rehearsed(run.data)}</strong>
            <span className="muted"> — one look in {duration(run.data.Step)}; what came and went in between is not seen.</span>
          </p>
          {run.data.Complete ? null : (
            <p className="tone-text-amber">The time for it was up before all was looked at: choose a shorter time.</p>
          )}
          {run.data.Problem ? <ErrorNote>At some moments it could not be judged: {run.data.Problem}</ErrorNote> : null}
          {run.data.Transitions.length > 0 ? <Steps steps={run.data.Transitions} alert={draft} label="Dry run" /> : null}
        </>
      ) : null}
    </section>
  );
}
