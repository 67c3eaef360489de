// SPDX-License-Identifier: Apache-2.0
// Flows above, first packets below, of one interface or of a whole capture; a chosen flow narrows the packets.

import { useMemo, useState } from "react";
import type { CaptureView } from "../api/types";
import { FlowTable } from "../flows/FlowTable";
import type { FlowRow } from "../flows/rows";
import { PacketList } from "./PacketList";

/** `tid` names the interface; "" = all interfaces of the capture. */
export function Traffic({ capture, tid }: { capture: CaptureView; tid: string }) {
  const [flow, setFlow] = useState<FlowRow | null>(null);
  const narrowed = flow ? { flow: flow.flow.UUID } : {};
  const names = useMemo(
    () => new Map(capture.Status?.Nodes.map((node) => [node.NodeTID, node.Name])),
    [capture.Status],
  );
  return (
    <>
      <FlowTable
        scope={{ capture: capture.UUID, ...(tid ? { node: tid } : {}) }}
        chosen={flow?.id ?? ""}
        onChoose={setFlow}
        empty="Flows are listed here from their first packet on."
      />
      <PacketList
        scope={{ capture: capture.UUID, ...(tid ? { node: tid } : {}), ...narrowed }}
        names={tid ? null : names}
        onlyFlow={flow ? `${flow.application}: ${flow.a} → ${flow.b}` : ""}
        onAllFlows={() => setFlow(null)}
      />
    </>
  );
}
