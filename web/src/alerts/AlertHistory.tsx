// SPDX-License-Identifier: Apache-2.0
// The states that an alert went through, the newest first, with the way to the network of that moment.

import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { alertHistory } from "../api/alerts";
import type { AlertView, Transition } from "../api/types";
import { go } from "../state/place";
import { dateTime } from "../ui/format";
import { ErrorNote, messageOf } from "../ui/widgets";
import { AlertBadge } from "./AlertBadge";
import { asOf } from "./words";

export function AlertHistory({ alert }: { alert: AlertView }) {
  const history = useQuery({
    // Its state, since when, and what is told change with each step: then the steps are read again.
    queryKey: ["alert-history", alert.UUID, alert.State, alert.Since, alert.Summary],
    queryFn: ({ signal }) => alertHistory(alert.UUID, signal),
    placeholderData: keepPreviousData,
    gcTime: 0,
  });
  if (history.error) return <ErrorNote>{messageOf(history.error)}</ErrorNote>;
  if (!history.data) return null;
  if (history.data.length === 0) return <p className="muted">It has not changed its state yet.</p>;
  return <Steps steps={history.data} alert={alert} label="History" />;
}

interface Props {
  steps: readonly Transition[];
  alert: Pick<AlertView, "Expression" | "Language">;
  label: string;
}

export function Steps({ steps, alert, label }: Props) {
  return (
    <div className="wide-table">
      <table className="plain-table" aria-label={label}>
        <thead>
          <tr>
            <th>At</th>
            <th>State</th>
            <th>Told</th>
            <th>What was seen</th>
          </tr>
        </thead>
        <tbody>
          {steps.map((step) => (
            <tr key={step.Number} data-testid="alert-step" data-state={step.State}>
              <td>
                <Moment at={step.At} alert={alert} />
              </td>
              <td>
                <AlertBadge state={step.State} />
              </td>
              <td>{step.Notified ? "yes" : step.Owed ? "later" : "no"}</td>
              <td className="wrapped">{step.Summary}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Moment({ at, alert }: { at: number; alert: Props["alert"] }) {
  const query = asOf(alert.Expression, at);
  if (alert.Language === "javascript" || query === "") return <>{dateTime(at)}</>;
  return (
    <button
      type="button"
      className="link-button"
      title="Ask the same of the network as it was then"
      onClick={() => go({ tab: "query", q: query, show: "" })}
    >
      {dateTime(at)}
    </button>
  );
}
