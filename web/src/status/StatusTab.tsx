// SPDX-License-Identifier: Apache-2.0
// Agents and analyzers: which parts of them run, which do not and why, what was lost, what their hosts cannot do.

import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { readStatus } from "../api/status";
import type { Process } from "../api/types";
import { useRefusal } from "../state/access";
import { ago, plural } from "../ui/format";
import { Refusal } from "../ui/Field";
import { Icon } from "../ui/Icon";
import { useNow } from "../ui/now";
import { ErrorNote, messageOf } from "../ui/widgets";
import { clockOff, partsOf, type Part } from "./parts";

const REFRESH_MS = 5000;
const TONES: Readonly<Record<string, string>> = { running: "green", starting: "blue", failed: "amber", absent: "grey" };

export default function StatusTab() {
  const refusal = useRefusal("status read");
  const found = useQuery({
    queryKey: ["status"],
    queryFn: ({ signal }) => readStatus(signal),
    refetchInterval: REFRESH_MS,
    enabled: refusal === "",
  });
  if (refusal) return <Refusal reason={refusal} />;
  const processes = [...(found.data?.Processes ?? [])].sort(
    (a, b) => a.Service.localeCompare(b.Service) || a.Host.localeCompare(b.Host),
  );
  return (
    <div className="stack fill">
      <header className="section-head roomy">
        <h3>Status</h3>
        <span className="muted">{found.data ? plural(processes.length, "process", "processes") : ""}</span>
      </header>
      {found.error ? <ErrorNote>The status could not be read: {messageOf(found.error)}</ErrorNote> : null}
      {found.data && found.data.Missing.length > 0 ? (
        <ErrorNote>Captures cannot be created yet; missing: {found.data.Missing.join(", ")}</ErrorNote>
      ) : null}
      <ul className="cards scroll" aria-label="Processes">
        {processes.map((process) => (
          <ProcessCard key={`${process.Service}/${process.Host}/${process.Pid}`} process={process} />
        ))}
      </ul>
    </div>
  );
}

export function ProcessCard({ process }: { process: Process }) {
  const now = useNow();
  const parts = partsOf(process);
  const clock = clockOff(process.ClockAhead);
  const unable = process.Abilities.filter((ability) => !ability.Able);
  return (
    <li className="card open" data-testid="process" data-service={process.Service}>
      <div className="card-head process-head">
        <strong>
          {process.Service} on {process.Host}
        </strong>
        <span className="spring" />
        <span className="muted">
          {process.Version}
          {process.Kernel ? `, Linux ${process.Kernel}` : ""}, started {ago(process.Started, now)}
        </span>
      </div>
      {clock || unable.length > 0 ? (
        <ul className="process-notes">
          {clock ? <Note>{clock}: times of its events are off by as much</Note> : null}
          {unable.map((ability) => (
            <Note key={ability.Name}>
              {ability.Name} is missing ({ability.Reason || "not allowed"}), needed for {ability.Purpose}
            </Note>
          ))}
        </ul>
      ) : null}
      <table className="parts" aria-label={`Parts of the ${process.Service} on ${process.Host}`}>
        <tbody>
          {parts.map((part) => (
            <PartRow key={part.name} part={part} now={now} />
          ))}
        </tbody>
      </table>
    </li>
  );
}

function Note({ children }: { children: ReactNode }) {
  return (
    <li className="tone-text-amber">
      <Icon name="alert" size={14} /> {children}
    </li>
  );
}

function PartRow({ part, now }: { part: Part; now: number }) {
  const counters = Object.entries(part.Counters).map(([name, value]) => `${name} ${value}`);
  return (
    <tr data-state={part.State} title={counters.join("\n")}>
      <th scope="row">{part.name}</th>
      <td className="part-state">
        <span className={`dot ${TONES[part.State] ?? "grey"}`} /> {part.State}
        <span className="muted"> {ago(part.Since, now)}</span>
      </td>
      <td>
        {part.Reason}
        {part.losses.map((loss) => (
          <span key={loss} className="warn loss">
            {loss}
          </span>
        ))}
      </td>
    </tr>
  );
}
