// SPDX-License-Identifier: Apache-2.0
// All about the selected node: traffic, details, metrics.

import { Suspense, useMemo } from "react";
import type { Node } from "../api/types";
import { useRefusal } from "../state/access";
import { captureOnNodes } from "../state/captures";
import { textList, text } from "../state/metadata";
import { go, place, type NodeView } from "../state/place";
import { useSession } from "../state/session";
import { useShownGraph } from "../state/shown";
import { useStore } from "../state/store";
import { isInterface, linkState, nameOf, type LinkState } from "../topology/appearance";
import { lazily } from "../ui/lazily";
import { Button, EmptyState, Tabs, type TabItem } from "../ui/widgets";
import { Details } from "./Details";
import { LinkInspector } from "./LinkInspector";
import { TrafficPanel } from "./TrafficPanel";

const MetricsPanel = lazily(() => import("./MetricsPanel"));
const RulesPanel = lazily(() => import("./RulesPanel"));

const VIEWS: readonly TabItem<NodeView>[] = [
  { id: "traffic", label: "Traffic" },
  { id: "details", label: "Details" },
  { id: "metrics", label: "Metrics" },
];
const VIEWS_OF_SWITCHES: readonly TabItem<NodeView>[] = [...VIEWS, { id: "rules", label: "OpenFlow" }];

const STATE_TONES: Readonly<Record<LinkState, string>> = { up: "green", off: "grey", nocarrier: "amber", none: "" };

interface Props {
  onCapture: (node: Node) => void;
  onInject: (node: Node) => void;
}

export function Inspector({ onCapture, onInject }: Props) {
  const session = useSession();
  const graph = useShownGraph();
  const captures = useStore(session.captures);
  const { node: id, link, view } = useStore(place);
  const captured = useMemo(() => captureOnNodes(captures).has(id), [captures, id]);
  const node = graph.nodes.get(id);
  if (!id && link) return <LinkInspector graph={graph} link={link} />;
  if (!node) return <NothingSelected wanted={id} />;
  const views = hasRules(node) ? VIEWS_OF_SWITCHES : VIEWS;
  const usual = captured ? "traffic" : "details";
  const shown: NodeView = views.find(({ id: one }) => one === view)?.id ?? usual;
  return (
    <div className="stack fill" data-testid="inspector">
      <Heading node={node} onInject={onInject} />
      <Tabs label="About the node" items={views} chosen={shown} onChoose={(next) => go({ view: next })} small />
      <div className="panel-body" role="tabpanel">
        {shown === "traffic" ? <TrafficPanel key={node.ID} node={node} onCapture={onCapture} /> : null}
        {shown === "details" ? <Details key={node.ID} element={node} queries /> : null}
        {shown === "metrics" ? (
          <Suspense>
            <MetricsPanel nodeId={node.ID} />
          </Suspense>
        ) : null}
        {shown === "rules" ? (
          <Suspense>
            <RulesPanel key={node.ID} nodeId={node.ID} />
          </Suspense>
        ) : null}
      </div>
    </div>
  );
}

/** Bridges and ports of Open vSwitch, and interfaces that are such ports. */
function hasRules(node: Node): boolean {
  return ["ovsbridge", "ovsport"].includes(text(node.Metadata["Type"])) || "OfPort" in node.Metadata;
}

function NothingSelected({ wanted }: { wanted: string }) {
  if (wanted) {
    return (
      <EmptyState icon="search" title="This node is not there any more">
        It may come back; what was captured on it is still with its capture.
      </EmptyState>
    );
  }
  return (
    <EmptyState icon="target" title="Nothing selected">
      Click a node on the map, or press <kbd>/</kbd> and type a name, an address or an id.
    </EmptyState>
  );
}

function Heading({ node, onInject }: { node: Node; onInject: (node: Node) => void }) {
  const refusal = useRefusal("injectpacket write");
  const addresses = [...textList(node.Metadata["IPV4"]), ...textList(node.Metadata["IPV6"])];
  const state = text(node.Metadata["State"]);
  return (
    <header className="node-heading">
      <h2>{nameOf(node)}</h2>
      <span className="chip plain">{text(node.Metadata["Type"]) || "node"}</span>
      {isInterface(node) && state ? (
        <span className="chip plain">
          <span className={`dot ${STATE_TONES[linkState(node)]}`} />
          {state}
        </span>
      ) : null}
      {isInterface(node) ? (
        <Button icon="send" disabled={refusal !== ""} title={refusal} onClick={() => onInject(node)}>
          Inject
        </Button>
      ) : null}
      <span className="muted addresses">
        {[text(node.Metadata["MAC"]), ...addresses].filter(Boolean).map((address) => (
          <code key={address}>{address}</code>
        ))}
      </span>
    </header>
  );
}
