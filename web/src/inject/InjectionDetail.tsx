// SPDX-License-Identifier: Apache-2.0
// Each interface of an injection, and what became of its latest packets.

import type { InjectionView, NodeInjection, ProbeResult } from "../api/types";
import { lossOf, ms } from "../state/injections";
import { go } from "../state/place";
import { clockTime, count, duration } from "../ui/format";

const SHOWN = 50;
const NS_PER_MS = 1_000_000;

export function InjectionDetail({ injection }: { injection: InjectionView }) {
  const nodes = injection.Status?.Nodes ?? [];
  if (nodes.length === 0) return <p className="card-detail muted">No interface has reported yet.</p>;
  return (
    <div className="card-detail">
      {nodes.map((node) => (
        <Interface key={node.NodeID} node={node} />
      ))}
    </div>
  );
}

function Interface({ node }: { node: NodeInjection }) {
  const loss = lossOf(node.Totals);
  return (
    <section className="wide-table" data-testid="injection-interface">
      <p>
        <button
          type="button"
          className="link-button"
          onClick={() => go({ tab: "node", node: node.NodeID, view: "" })}
        >
          {node.Name}
        </button>{" "}
        <span className="muted">
          on {node.Host}
          {node.Source ? `, ${node.Source}` : ""}
          {node.Target ? ` → ${node.Target}` : ""}: {node.State}
          {loss === null ? "" : `, ${count(node.Totals.Lost)} of ${count(node.Totals.Sent)} lost`}
        </span>
      </p>
      {node.Reason ? <p className="tone-text-red">{node.Reason}</p> : null}
      {node.Results.length > 0 ? <Results results={node.Results} /> : null}
    </section>
  );
}

function Results({ results }: { results: readonly ProbeResult[] }) {
  return (
    <table className="plain-table" aria-label="Packets">
      <thead>
        <tr>
          <th>Packet</th>
          <th>Sent at</th>
          <th>What became of it</th>
          <th>From</th>
          <th className="numeric">Time</th>
        </tr>
      </thead>
      <tbody>
        {results.slice(-SHOWN).map((one, at) => (
          <tr key={`${one.Number}-${at}`} data-testid="injection-result" data-verdict={one.Verdict}>
            <td>{one.Number + 1}</td>
            <td>{clockTime(one.SentNs / NS_PER_MS)}</td>
            <td className={one.Verdict === "lost" ? "warn" : ""}>
              {one.Verdict}
              {one.Note ? <span className="muted"> {one.Note}</span> : null}
            </td>
            <td>{one.From}</td>
            <td className="numeric">{one.RTT < 0 ? "–" : duration(ms(one.RTT))}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
