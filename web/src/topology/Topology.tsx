// SPDX-License-Identifier: Apache-2.0
// The map: canvas, its controls, and what it does not show.

import { useEffect, useMemo, useRef, useState } from "react";
import { formatLink } from "../state/link";
import { go, place, refine } from "../state/place";
import { useShownGraph } from "../state/shown";
import { useStore } from "../state/store";
import { theme } from "../state/theme";
import { count, plural } from "../ui/format";
import { tell } from "../ui/toasts";
import { EmptyState } from "../ui/widgets";
import { Canvas } from "./canvas";
import { jumps } from "./jump";
import { MapQuery } from "./MapQuery";
import { MapTools } from "./MapTools";
import { Minimap, overviewWanted } from "./Minimap";
import { pick } from "./picking";
import { chooseNone, take, takeAll } from "./selection";
import { SelectionBar } from "./SelectionBar";
import { useMarks } from "./useMarks";
import { useEmphasis, useMatchFeed, useOnly } from "./useMatching";
import { useTraffic } from "./useTraffic";
import { automaticDepth, deepestWithin, groupMeant, groupsAround, MOST_DRAWN, project, projectWithin, type View } from "./view";

export function Topology() {
  const graph = useShownGraph();
  const { at: past, map: query } = useStore(place);
  const small = useStore(overviewWanted);
  const [asking, setAsking] = useState(query !== "");
  const [chosen, setChosen] = useState<ReadonlyMap<string, boolean>>(() => new Map());
  // By the size when the graph first arrived: groups must not fall shut because a node was added.
  const depth = useRef<number | null>(null);
  if (depth.current === null && graph.synced) depth.current = automaticDepth(graph.nodes.size);
  useMatchFeed();
  const only = useOnly();
  const view = useMemo(() => {
    if (!only) {
      const within = projectWithin(graph, depth.current ?? 1, chosen);
      if (depth.current !== null) depth.current = within.depth;
      return within.view;
    }
    // Of a large network only hosts are open: what was asked for is to be seen, if it is not too much.
    return project(graph, Math.max(depth.current ?? 1, automaticDepth(only.nodes.size)), chosen, only);
  }, [graph, chosen, only]);
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
      onPickLink: (edges, number) => go({ tab: "node", node: "", link: formatLink(edges, number), view: "" }),
      onToggle: (id) => {
        const group = latest.current.view.nodes.get(id)?.group;
        if (group) setChosen((known) => new Map(known).set(id, group === "closed"));
      },
      onTake: take,
      onBox: takeAll,
      onNothing: chooseNone,
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
  useEmphasis(canvas, view);
  const cut = useRef(only !== null);
  useEffect(() => {
    if (cut.current === (only !== null)) return;
    cut.current = only !== null;
    // Another map: what is left of it may be anywhere.
    canvas?.fit();
  }, [canvas, only]);
  const trafficError = useTraffic(canvas, view, graph);
  useEffect(() => (canvas ? theme.subscribe(() => canvas.setTheme(theme.get())) : undefined), [canvas]);
  useEffect(
    () =>
      jumps.subscribe(() => {
        const { id } = jumps.get();
        if (!latest.current.view.shownAs.has(id)) tell("The query of the map hides it", "filter", "amber");
        const around = groupsAround(latest.current.graph, id);
        setChosen((known) => new Map([...known, ...around.map((group): [string, boolean] => [group, true])]));
        // The canvas shows the opened groups after this turn.
        setTimeout(() => canvas?.flash(id), 60);
      }),
    [canvas],
  );

  const setAll = (open: boolean): void => {
    depth.current = open ? deepestWithin(graph, MOST_DRAWN) : 1;
    setChosen(new Map());
    if (depth.current !== Number.POSITIVE_INFINITY && open) {
      tell(`${count(view.total)} nodes are too many to draw: groups are open as far as ${count(MOST_DRAWN)} go`, "alert", "amber");
    }
  };
  const setGroups = (ids: ReadonlySet<string>, open: boolean): void => {
    const meant = [...ids].flatMap((id) => groupMeant(view, id, open) ?? []);
    setChosen((known) => new Map([...known, ...meant.map((group): [string, boolean] => [group, open])]));
  };
  const asked = asking || query !== "";
  const ask = (wanted: boolean): void => {
    setAsking(wanted);
    refine({ map: "" });
  };
  return (
    <section className="topology" aria-label="Map of the network">
      <div className="canvas" ref={frame} data-testid="canvas" />
      {graph.synced && view.total === 0 && !past ? (
        <EmptyState icon="target" title="The network is not in yet">
          Interfaces appear here as soon as an agent reports them.
        </EmptyState>
      ) : null}
      {asked ? <MapQuery onClose={() => ask(false)} /> : null}
      <MapTools canvas={canvas} trafficError={trafficError} onAllGroups={setAll} asking={asked} onAsk={ask} />
      <SelectionBar onGroups={setGroups} />
      {canvas && small ? <Minimap canvas={canvas} /> : null}
      <MapNote view={view} />
    </section>
  );
}

function select(node: Parameters<typeof pick>[0] | undefined): void {
  if (!node || pick(node)) return;
  chooseNone();
  go({ tab: "node", node: node.ID, view: "" });
}

function MapNote({ view }: { view: View }) {
  if (view.total === 0) return null;
  const inside = view.hidden > 0 ? `, ${count(view.hidden)} inside ${plural(view.closedGroups, "closed group")}` : "";
  const hidden = view.filtered > 0 ? `${inside}, ${count(view.filtered)} not found by the query` : inside;
  return (
    <p className="map-note muted" data-testid="map-note" title="Double-click opens and closes a group">
      {plural(view.nodes.size, "node")} of {count(view.total)} shown{hidden}
    </p>
  );
}
