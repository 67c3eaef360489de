// SPDX-License-Identifier: Apache-2.0
// The map: canvas, its controls, and what it does not show.

import { useEffect, useMemo, useRef, useState } from "react";
import { draft, matches } from "../captures/draft";
import { captureOnNodes } from "../state/captures";
import { go, place } from "../state/place";
import { useSession } from "../state/session";
import { useStore } from "../state/store";
import { theme } from "../state/theme";
import { count, plural } from "../ui/format";
import { EmptyState, IconButton } from "../ui/widgets";
import { Canvas } from "./canvas";
import { jumps } from "./jump";
import { pick, picked as held } from "./picking";
import { automaticDepth, groupsAround, project, type View } from "./view";

export function Topology() {
  const session = useSession();
  const graph = useStore(session.graph);
  const [chosen, setChosen] = useState<ReadonlyMap<string, boolean>>(() => new Map());
  // By the size when the graph first arrived: groups must not fall shut because a node was added.
  const depth = useRef<number | null>(null);
  if (depth.current === null && graph.synced) depth.current = automaticDepth(graph.nodes.size);
  const view = useMemo(() => project(graph, depth.current ?? 1, chosen), [graph, chosen]);
  const latest = useRef({ view, graph });
  useEffect(() => {
    latest.current = { view, graph };
  });

  const frame = useRef<HTMLDivElement>(null);
  const [canvas, setCanvas] = useState<Canvas | null>(null);
  useEffect(() => {
    if (!frame.current) return undefined;
    const made = new Canvas(frame.current, theme.get(), {
      onPick: (id) => select(latest.current.graph.nodes.get(id)),
      onBackground: () => undefined,
      onToggle: (id) => {
        const group = latest.current.view.nodes.get(id)?.group;
        if (group) setChosen((known) => new Map(known).set(id, group === "closed"));
      },
    });
    const observer = new ResizeObserver(() => made.resize());
    observer.observe(frame.current);
    setCanvas(made);
    window.netsondeNodeAt = (id) => made.rendered(id);
    return () => {
      observer.disconnect();
      made.close();
    };
  }, []);

  useEffect(() => canvas?.show(view), [canvas, view]);
  useMarks(canvas);
  useEffect(() => (canvas ? theme.subscribe(() => canvas.setTheme(theme.get())) : undefined), [canvas]);
  useEffect(
    () =>
      jumps.subscribe(() => {
        const { id } = jumps.get();
        const around = groupsAround(latest.current.graph, id);
        setChosen((known) => new Map([...known, ...around.map((group): [string, boolean] => [group, true])]));
        // The canvas shows the opened groups after this turn.
        setTimeout(() => canvas?.flash(id), 60);
      }),
    [canvas],
  );

  const setAll = (open: boolean): void => {
    depth.current = open ? Number.POSITIVE_INFINITY : 1;
    setChosen(new Map());
  };
  return (
    <section className="topology" aria-label="Map of the network">
      <div className="canvas" ref={frame} data-testid="canvas" />
      {graph.synced && view.total === 0 ? (
        <EmptyState icon="target" title="The network is not in yet">
          Interfaces appear here as soon as an agent reports them.
        </EmptyState>
      ) : null}
      <div className="map-tools" role="toolbar" aria-label="Map">
        <IconButton icon="plus" label="Zoom in" onClick={() => canvas?.zoomBy(1.25)} />
        <IconButton icon="minus" label="Zoom out" onClick={() => canvas?.zoomBy(0.8)} />
        <IconButton icon="fit" label="Show all" onClick={() => canvas?.fit()} />
        <IconButton icon="expand" label="Open all groups" onClick={() => setAll(true)} />
        <IconButton icon="collapse" label="Close all groups but hosts" onClick={() => setAll(false)} />
        <IconButton icon="layout" label="Arrange in rows" onClick={() => canvas?.arrange()} />
        <IconButton icon="web" label="Arrange by links" onClick={() => canvas?.arrangeByLinks()} />
      </div>
      <MapNote view={view} />
    </section>
  );
}

function select(node: Parameters<typeof pick>[0] | undefined): void {
  if (!node || pick(node)) return;
  go({ tab: "node", node: node.ID, view: "" });
}

function useMarks(canvas: Canvas | null): void {
  const captures = useStore(useSession().captures);
  const { node: selected } = useStore(place);
  const { picks, open, mode } = useStore(draft);
  const matched = useStore(matches);
  const ids = useStore(held);
  const onNodes = useMemo(() => captureOnNodes(captures), [captures]);
  useEffect(() => {
    const picked = [...(open && mode === "pick" ? picks.filter((id) => id !== null) : []), ...ids];
    canvas?.mark({ selected, picked, matched, captures: onNodes });
  }, [canvas, selected, picks, open, mode, matched, ids, onNodes]);
}

function MapNote({ view }: { view: View }) {
  if (view.total === 0) return null;
  const hidden = view.hidden > 0 ? `, ${count(view.hidden)} inside ${plural(view.closedGroups, "closed group")}` : "";
  return (
    <p className="map-note muted" data-testid="map-note" title="Double-click opens and closes a group">
      {plural(view.nodes.size, "node")} of {count(view.total)} shown{hidden}
    </p>
  );
}
