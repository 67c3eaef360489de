# SPDX-License-Identifier: Apache-2.0
"""What a seed publishes of what its probes see: what a filter shows, under a root of somebody else's if one is wanted.

Source: the seed's own graph, by its events.
"""

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from netsonde.agent.alone import Surroundings
from netsonde.errors import UserError
from netsonde.graph import Event
from netsonde.model.elements import Edge, Element, Node
from netsonde.model.topology import ChangeKind
from netsonde.query import FollowedView, compile_view, parse
from netsonde.query.graph_view import ViewShape

Change = tuple[ChangeKind, Element]


def read_filter(text: str) -> ViewShape:
    """Return what a filter shows, "" = everything. Raises UserError for one that gives no graph, or not a live one."""
    shape = compile_view(parse(text or "G"))
    if shape is None:
        raise UserError(
            f"--filter {text} does not give a graph that can be followed",
            hint="find nodes of now and end with SubGraph(): G.V().Has('Type', 'veth').SubGraph()",
        )
    return shape


class Seen:
    """What is published now. Feed `changes` all events from the turn of the loop on in which this is made.

    With a root its host node is not there; the edges that lead from it to what is shown come from the root instead,
    whether or not the filter shows the host node: else nothing would hang at the root that one filters.
    """

    def __init__(self, here: Surroundings, root: str, shape: ViewShape) -> None:
        """Raises LimitReached when the filter costs too much."""
        self._graph = here.graph
        self._replaced = here.host_node if root else ""
        self._root = root
        self._view = FollowedView(shape, here.graph)
        for _ in self._view.fill():
            pass
        self._nodes = {node.id for node in self._published() if isinstance(node, Node)}
        self._hanging = {child: self._edges_to(child) for child in self._nodes}
        """Edges from the root, by child and id."""

    def state(self) -> tuple[Sequence[Node], Sequence[Edge]]:
        nodes = [one for one in self._published() if isinstance(one, Node)]
        edges = [one for one in self._published() if isinstance(one, Edge)]
        return nodes, [*edges, *(edge for edges in self._hanging.values() for edge in edges.values())]

    def changes(self, events: Sequence[Event]) -> Iterator[Change]:
        touched = {
            event.element.child: None
            for event in events
            if isinstance(event.element, Edge) and event.element.parent == self._replaced
        }
        for delta in self._view.update(events):
            if not self._is_own(delta.element):
                continue
            if isinstance(delta.element, Node) and delta.kind != "updated":
                touched[delta.element.id] = None
                (self._nodes.add if delta.kind == "added" else self._nodes.discard)(delta.element.id)
            yield delta.kind, delta.element
        for child in touched:
            yield from self._hang(child)

    def _hang(self, child: str) -> Iterator[Change]:
        before = self._hanging.pop(child, {})
        if child not in self._nodes:
            # With a node its edges go, on the server too.
            return
        now = self._hanging[child] = self._edges_to(child)
        for id, edge in now.items():
            if id not in before:
                yield "added", edge
            elif edge != before[id]:
                yield "updated", edge
        for id in before.keys() - now.keys():
            yield "deleted", before[id]

    def _published(self) -> Iterable[Element]:
        return filter(self._is_own, self._view.elements())

    def _is_own(self, element: Element) -> bool:
        """Tell whether it is shown as the view has it: not the replaced host node, nor an edge from there."""
        return self._replaced != (element.parent if isinstance(element, Edge) else element.id)

    def _edges_to(self, child: str) -> dict[str, Edge]:
        return {
            edge.id: msgspec.structs.replace(edge, parent=self._root)
            for edge in self._graph.in_edges(child)
            if edge.parent == self._replaced
        }
