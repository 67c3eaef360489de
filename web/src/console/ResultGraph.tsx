// SPDX-License-Identifier: Apache-2.0
// The part of the network that a result is about, on a canvas of its own; places on the map are not touched.

import { useEffect, useMemo, useRef, useState } from "react";
import { go } from "../state/place";
import { formatLink } from "../state/link";
import type { GraphState } from "../state/graph";
import { useStore } from "../state/store";
import { theme } from "../state/theme";
import { Canvas } from "../topology/canvas";
import { PositionMemory } from "../topology/positions";
import { project } from "../topology/view";
import { plural } from "../ui/format";
import { EmptyState, IconButton } from "../ui/widgets";

const NO_CHOICE: ReadonlyMap<string, boolean> = new Map();

export function ResultGraph({ part }: { part: GraphState }) {
  const view = useMemo(() => project(part, Number.POSITIVE_INFINITY, NO_CHOICE), [part]);
  const look = useStore(theme);
  const frame = useRef<HTMLDivElement>(null);
  const [canvas, setCanvas] = useState<Canvas | null>(null);
  const empty = view.nodes.size === 0;
  useEffect(() => {
    if (!frame.current) return undefined;
    const made = new Canvas(frame.current, theme.get(), HANDLERS, new PositionMemory(forgetful));
    const observer = new ResizeObserver(() => made.resize());
    observer.observe(frame.current);
    setCanvas(made);
    return () => {
      observer.disconnect();
      made.close();
    };
  }, [empty]);
  useEffect(() => canvas?.show(view), [canvas, view]);
  useEffect(() => canvas?.setTheme(look), [canvas, look]);
  if (empty) return <EmptyState icon="web" title="Nothing to draw">No node of this result is known.</EmptyState>;
  return (
    <div className="result-graph">
      <div className="canvas" ref={frame} data-testid="result-canvas" />
      <div className="map-tools" role="toolbar" aria-label="Result graph">
        <IconButton icon="fit" label="Show all of the result" onClick={() => canvas?.fit()} />
        <IconButton icon="web" label="Arrange the result by links" onClick={() => canvas?.arrangeByLinks()} />
      </div>
      <p className="map-note muted">
        {plural(view.nodes.size, "node")}, {plural(view.edges.size, "link")}; ringed on the map as well
      </p>
    </div>
  );
}

const HANDLERS = {
  onPick: (id: string) => go({ tab: "node", node: id, view: "" }),
  onPickLink: (edges: readonly string[], count: number) => go({ tab: "node", node: "", link: formatLink(edges, count) }),
  onToggle: () => undefined,
};

/** Positions of a result are of no use to the next one. */
const forgetful: Pick<Storage, "getItem" | "setItem"> = { getItem: () => null, setItem: () => undefined };
