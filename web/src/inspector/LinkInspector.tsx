// SPDX-License-Identifier: Apache-2.0
// All about the selected link: its ends and its metadata; of a line that stands for several, each of them.

import type { Edge, Node } from "../api/types";
import type { GraphState } from "../state/graph";
import { edgesOf, parseLink } from "../state/link";
import { text } from "../state/metadata";
import { go } from "../state/place";
import { jumpTo } from "../topology/jump";
import { nameOf } from "../topology/appearance";
import { count } from "../ui/format";
import { EmptyState } from "../ui/widgets";
import { Details } from "./Details";

export function LinkInspector({ graph, link }: { graph: GraphState; link: string }) {
  const edges = edgesOf(graph, link);
  const [first, ...others] = edges;
  if (!first) {
    return (
      <EmptyState icon="search" title="This link is not there any more">
        It may come back; its ends can be found by their names.
      </EmptyState>
    );
  }
  const { more } = parseLink(link);
  if (others.length === 0 && more === 0) {
    return (
      <div className="stack fill" data-testid="link-inspector">
        <header className="node-heading">
          <Ends edge={first} graph={graph} />
        </header>
        <Details key={first.ID} element={first} queries={false} />
      </div>
    );
  }
  return (
    <div className="stack fill" data-testid="link-inspector">
      <header className="node-heading">
        <h2>{count(edges.length + more)} links</h2>
        <span className="muted">between what is inside the closed groups</span>
      </header>
      <ul className="scroll links" aria-label="Links">
        {edges.map((edge) => (
          <li key={edge.ID}>
            <Ends edge={edge} graph={graph} />
          </li>
        ))}
        {more > 0 ? <li className="muted">and {count(more)} more: open a group to see them apart</li> : null}
      </ul>
    </div>
  );
}

function Ends({ edge, graph }: { edge: Edge; graph: GraphState }) {
  const kind = text(edge.Metadata["Type"]) || text(edge.Metadata["RelationType"]) || "link";
  return (
    <span className="link-ends">
      <End node={graph.nodes.get(edge.Parent)} id={edge.Parent} />
      <span className="chip plain">{kind}</span>
      <End node={graph.nodes.get(edge.Child)} id={edge.Child} />
    </span>
  );
}

function End({ node, id }: { node: Node | undefined; id: string }) {
  if (!node) return <code>{id}</code>;
  const look = (): void => {
    go({ tab: "node", node: id, view: "" });
    jumpTo(id);
  };
  return (
    <button type="button" className="link-button" title={`Show ${nameOf(node)} on ${node.Host}`} onClick={look}>
      <strong>{nameOf(node)}</strong>
      <span className="muted">{node.Host}</span>
    </button>
  );
}
