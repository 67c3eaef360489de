// SPDX-License-Identifier: Apache-2.0
// What an interface carries: its flows above, its first packets below; a chosen flow narrows the packets to its own.

import { useMemo, useState } from "react";
import type { CaptureView, Node } from "../api/types";
import { stateOf, titleOf } from "../captures/stateLook";
import { StateBadge } from "../captures/StateBadge";
import { inOrder } from "../state/captures";
import { text } from "../state/metadata";
import { go } from "../state/place";
import { useSession } from "../state/session";
import { useStore } from "../state/store";
import { isCapturable, nameOf } from "../topology/appearance";
import { Button, EmptyState } from "../ui/widgets";
import { Traffic } from "./Traffic";

export function TrafficPanel({ node, onCapture }: { node: Node; onCapture: (node: Node) => void }) {
  const captures = useStore(useSession().captures);
  const here = useMemo(() => inOrder(captures).filter((view) => isOn(view, node)), [captures, node]);
  const [chosenCapture, setChosenCapture] = useState("");
  const capture = here.find((view) => view.UUID === chosenCapture) ?? here[0];
  const tid = text(node.Metadata["TID"]);
  if (!capture) return <NotCaptured node={node} onCapture={onCapture} />;
  return (
    <div className="split">
      <CaptureChoice captures={here} chosen={capture} onChoose={setChosenCapture} />
      <Traffic capture={capture} tid={tid} />
    </div>
  );
}

function CaptureChoice(props: { captures: CaptureView[]; chosen: CaptureView; onChoose: (uuid: string) => void }) {
  const { captures, chosen, onChoose } = props;
  return (
    <div className="capture-choice">
      <StateBadge state={stateOf(chosen)} />
      {captures.length > 1 ? (
        <select value={chosen.UUID} aria-label="Capture" onChange={(event) => onChoose(event.target.value)}>
          {captures.map((view) => (
            <option key={view.UUID} value={view.UUID}>
              {titleOf(view)}
            </option>
          ))}
        </select>
      ) : (
        <button type="button" className="link-button" onClick={() => go({ tab: "captures", capture: chosen.UUID, view: "" })}>
          {titleOf(chosen)}
        </button>
      )}
    </div>
  );
}

function NotCaptured({ node, onCapture }: { node: Node; onCapture: (node: Node) => void }) {
  if (!isCapturable(node)) {
    return (
      <EmptyState icon="record" title="Nothing to capture here">
        {nameOf(node)} is no network interface. Its interfaces can be captured one by one, or by an expression.
      </EmptyState>
    );
  }
  return (
    <EmptyState icon="record" title={`${nameOf(node)} is not captured`}>
      <p>A capture meters its flows and keeps its first packets.</p>
      <Button icon="record" primary onClick={() => onCapture(node)}>
        Capture {nameOf(node)}
      </Button>
    </EmptyState>
  );
}

function isOn(view: CaptureView, node: Node): boolean {
  return view.Status?.Nodes.some((status) => status.NodeID === node.ID) ?? false;
}
