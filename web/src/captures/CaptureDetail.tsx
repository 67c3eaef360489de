// SPDX-License-Identifier: Apache-2.0
// Interfaces of a capture with their own state and counters, and the capture as a command.

import type { CaptureView, NodeStatus } from "../api/types";
import { go } from "../state/place";
import { bytes, clockTime, count } from "../ui/format";
import { CopyMenu } from "../ui/CopyMenu";
import { usePortion } from "../ui/portion";
import { Button } from "../ui/widgets";
import { definitionOf } from "./definition";
import { asCommand, asCurl } from "./expression";

const TONES: Readonly<Record<NodeStatus["State"], string>> = {
  starting: "blue",
  active: "green",
  failed: "red",
  finished: "grey",
};

export function CaptureDetail({ capture }: { capture: CaptureView }) {
  const nodes = capture.Status?.Nodes ?? [];
  const { shown, more } = usePortion(nodes);
  return (
    <div className="card-detail">
      {nodes.length > 0 ? (
        <div>
          <table className="plain-table">
          <thead>
            <tr>
              <th>Interface</th>
              <th>Host</th>
              <th>First packet</th>
              <th className="numeric">Packets</th>
              <th className="numeric">Bytes</th>
              <th className="numeric">Look-back</th>
              <th className="numeric">Dropped</th>
            </tr>
          </thead>
          <tbody>
            {shown.map((node) => (
              <InterfaceRow key={node.NodeID} node={node} />
            ))}
          </tbody>
        </table>
        {more}
        </div>
      ) : null}
      <div>
        <Button icon="search" onClick={() => go({ capture: capture.UUID, view: "traffic" })}>
          Flows and packets
        </Button>
      </div>
      {capture.Description ? <p>{capture.Description}</p> : null}
      <CopyMenu
        choices={[
          { label: "command", text: asCommand(definitionOf(capture), 0) },
          { label: "curl", text: asCurl(definitionOf(capture), 0, document.baseURI.replace(/[?#].*$/, "")) },
          { label: "id", text: capture.UUID },
        ].filter(({ text }) => text !== "")}
      />
    </div>
  );
}

function InterfaceRow({ node }: { node: NodeStatus }) {
  return (
    <>
      <tr data-testid="capture-interface" data-state={node.State}>
        <td>
          <button
            type="button"
            className="link-button"
            title={`${node.State}: show its flows and packets`}
            onClick={() => go({ tab: "node", node: node.NodeID, view: "traffic" })}
          >
            <span className={`dot ${TONES[node.State]}`} />
            {node.Name}
          </button>
        </td>
        <td>{node.Host}</td>
        <td>{node.FirstPacketAt ? clockTime(node.FirstPacketAt) : "–"}</td>
        <td className="numeric">{count(node.PacketsReceived)}</td>
        <td className="numeric">{bytes(node.BytesReceived)}</td>
        <td className="numeric" title={node.ArmedBeforeUp ? "listening before it was up: nothing was missed" : undefined}>
          {count(node.LookbackPackets)}
        </td>
        <td className={node.PacketsDropped > 0 ? "numeric warn" : "numeric"}>{count(node.PacketsDropped)}</td>
      </tr>
      {node.Reason ? (
        <tr className="reason">
          <td colSpan={7}>{node.Reason}</td>
        </tr>
      ) : null}
    </>
  );
}
