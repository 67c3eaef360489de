// SPDX-License-Identifier: Apache-2.0
// The tool bar of the map.

import { place, refine } from "../state/place";
import { useStore } from "../state/store";
import { IconButton, messageOf } from "../ui/widgets";
import type { Canvas } from "./canvas";
import { overviewWanted } from "./Minimap";

interface Props {
  canvas: Canvas | null;
  trafficError: Error | null;
  onAllGroups: (open: boolean) => void;
  /** Whether the query's field is there. */
  asking: boolean;
  onAsk: (wanted: boolean) => void;
}

export function MapTools({ canvas, trafficError, onAllGroups, asking, onAsk }: Props) {
  const { rates } = useStore(place);
  const small = useStore(overviewWanted);
  return (
    <div className="map-tools" role="toolbar" aria-label="Map">
      <IconButton icon="plus" label="Zoom in" onClick={() => canvas?.zoomBy(1.25)} />
      <IconButton icon="minus" label="Zoom out" onClick={() => canvas?.zoomBy(0.8)} />
      <IconButton icon="fit" label="Show all" onClick={() => canvas?.fit()} />
      <IconButton icon="expand" label="Open all groups" onClick={() => onAllGroups(true)} />
      <IconButton icon="collapse" label="Close all groups but hosts" onClick={() => onAllGroups(false)} />
      <IconButton icon="layout" label="Arrange in rows" onClick={() => canvas?.arrange()} />
      <IconButton icon="web" label="Arrange by links" onClick={() => canvas?.arrangeByLinks()} />
      <IconButton
        icon="traffic"
        label={trafficError ? `Traffic could not be read: ${messageOf(trafficError)}` : "Traffic on links"}
        aria-pressed={rates === "on"}
        onClick={() => refine({ rates: rates === "on" ? "" : "on" })}
      />
      <IconButton icon="overview" label="Overview" aria-pressed={small} onClick={() => overviewWanted.keep(!small)} />
      <IconButton icon="filter" label="Ask what the map shows" aria-expanded={asking} onClick={() => onAsk(!asking)} />
    </div>
  );
}
