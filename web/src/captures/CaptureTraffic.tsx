// SPDX-License-Identifier: Apache-2.0
// Flows and packets of all interfaces of a capture.

import type { CaptureView } from "../api/types";
import { Traffic } from "../inspector/Traffic";
import { go } from "../state/place";
import { Icon } from "../ui/Icon";
import { StateBadge } from "./StateBadge";
import { stateOf, titleOf } from "./stateLook";

export function CaptureTraffic({ capture }: { capture: CaptureView }) {
  return (
    <div className="split" data-testid="capture-traffic">
      <header className="section-head roomy">
        <button type="button" className="link-button" onClick={() => go({ view: "" })}>
          <span className="turn back">
            <Icon name="chevron" size={14} />
          </span>
          Captures
        </button>
        <StateBadge state={stateOf(capture)} />
        <h3 className="ellipsis">{titleOf(capture)}</h3>
      </header>
      <Traffic capture={capture} tid="" />
    </div>
  );
}
