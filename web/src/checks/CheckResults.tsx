// SPDX-License-Identifier: Apache-2.0
// What a check found: each interface with its steps, times and the sentence that says why.

import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { listCheckResults } from "../api/client";
import type { CheckResult, StepResult } from "../api/types";
import { latest } from "../state/checks";
import { go } from "../state/place";
import { useSession } from "../state/session";
import { useStore } from "../state/store";
import { clockTime, duration } from "../ui/format";
import { usePortion } from "../ui/portion";
import { ErrorNote, messageOf } from "../ui/widgets";
import { VerdictBadge } from "./VerdictBadge";

export function CheckResults({ uuid }: { uuid: string }) {
  const news = useStore(useSession().checkNews).get(uuid) ?? 0;
  const results = useQuery({
    queryKey: ["check-results", uuid, news],
    queryFn: ({ signal }) => listCheckResults(uuid, signal),
    placeholderData: keepPreviousData,
    // Every piece of news makes another key: what the earlier ones found would stay for minutes.
    gcTime: 0,
  });
  const all = useMemo(() => latest(results.data ?? []), [results.data]);
  const { shown, more } = usePortion(all);
  if (results.error) return <ErrorNote>{messageOf(results.error)}</ErrorNote>;
  if (!results.data) return null;
  if (all.length === 0) return <p className="muted">No interface was judged yet.</p>;
  return (
    <ul className="check-results" aria-label="Interfaces">
      {shown.map((result) => (
        <InterfaceResult key={result.NodeID} result={result} />
      ))}
      {more ? <li>{more}</li> : null}
    </ul>
  );
}

export function InterfaceResult({ result }: { result: CheckResult }) {
  return (
    <li className="check-result" data-testid="check-result" data-verdict={result.Verdict}>
      <div className="check-result-head">
        <VerdictBadge verdict={result.Verdict} />
        <button type="button" className="link-button" onClick={() => go({ tab: "node", node: result.NodeID, view: "" })}>
          {result.NodeName}
        </button>
        <span className="muted">
          {result.Host}, {clockTime(result.StartedAt)}
        </span>
      </div>
      <table className="check-steps">
        <tbody>
          {result.Steps.map((step, at) => (
            <Step key={`${at}-${step.Type}`} step={step} />
          ))}
        </tbody>
      </table>
    </li>
  );
}

function Step({ step }: { step: StepResult }) {
  return (
    <tr data-verdict={step.Verdict}>
      <th scope="row">{step.Type}</th>
      <td>
        <VerdictBadge verdict={step.Verdict} />
      </td>
      <td className="number">{step.AfterMs === null ? "" : duration(step.AfterMs)}</td>
      <td>
        {step.Sentence}
        {step.Evidence.Injections.length > 0 ? (
          <span className="muted" data-testid="check-injections">
            {" "}
            by {step.Evidence.Injections.map((one) => `${one.Type}, ${one.Sent} sent`).join("; ")}
          </span>
        ) : null}
      </td>
    </tr>
  );
}
