// SPDX-License-Identifier: Apache-2.0
// Flows of all captures; a chosen flow is shown in full.

import { useState } from "react";
import type { Json } from "../api/types";
import { MetadataTree } from "../inspector/MetadataTree";
import { IconButton } from "../ui/widgets";
import { FlowTable } from "./FlowTable";
import type { FlowRow } from "./rows";

const EVERYWHERE = {};

export function FlowsTab() {
  const [flow, setFlow] = useState<FlowRow | null>(null);
  return (
    <div className="split">
      <FlowTable
        scope={EVERYWHERE}
        chosen={flow?.id ?? ""}
        onChoose={setFlow}
        onFresh={setFlow}
        empty="A capture meters the traffic of its interfaces; create one in the tab Captures."
      />
      {flow ? (
        <section className="stack fill" aria-label="Flow">
          <header className="section-head">
            <h3>
              {flow.a} → {flow.b}
            </h3>
            <span className="spring" />
            <IconButton icon="close" label="Close" onClick={() => setFlow(null)} />
          </header>
          <div className="scroll">
            <MetadataTree data={flow.flow as unknown as Record<string, Json>} />
          </div>
        </section>
      ) : null}
    </div>
  );
}
