# SPDX-License-Identifier: Apache-2.0
"""The shape of a local standing query: a chain of sets, each reached from the one before by one move along edges."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from netsonde.graph.reader import GraphReader
from netsonde.model.elements import Edge, Element
from netsonde.query.filters import Filter
from netsonde.query.kinds import Kind
from netsonde.query.steps.moving import Direction


@dataclass(frozen=True, slots=True)
class Level:
    """The elements that a query holds after a move (or at its start) and the filters that follow."""

    kind: Kind
    """NODES or EDGES."""
    direction: Direction = "out"
    """How it is reached from the level before; without meaning in the first level."""
    id: str | None = None
    """The only id that can be in it (first level)."""
    filters: tuple[Filter, ...] = field(default=())

    def with_filter(self, chosen: Filter) -> "Level":
        """Return the level with one filter more."""
        return replace(self, filters=(*self.filters, chosen))

    def find(self, graph: GraphReader, id: str) -> Element | None:
        """Return the element of this level's kind with that id."""
        return graph.node(id) if self.kind is Kind.NODES else graph.edge(id)

    def passes(self, element: Element) -> bool:
        """Tell whether an element passes the filters."""
        return all(chosen.test(element) for chosen in self.filters)

    def reached(self, before: "Level", graph: GraphReader, id: str) -> Iterable[tuple[str, str]]:
        """Yield (edge id, id here) for everything that an element of the level before leads to."""
        if before.kind is Kind.EDGES:
            edge = graph.edge(id)
            return () if edge is None else ((edge.id, end) for end in self._ends(edge))
        edges = [
            *(graph.in_edges(id) if self.direction != "out" else ()),
            *(graph.out_edges(id) if self.direction != "in" else ()),
        ]
        return ((edge.id, target) for edge in edges for source, target in self.along(edge) if source == id)

    def along(self, edge: Edge) -> Iterable[tuple[str, str]]:
        """Yield (node of the level before, id here) for each way in which one edge leads here from nodes."""
        if self.direction != "in":
            yield edge.parent, edge.child if self.kind is Kind.NODES else edge.id
        if self.direction != "out":
            yield edge.child, edge.parent if self.kind is Kind.NODES else edge.id

    def _ends(self, edge: Edge) -> Iterable[str]:
        if self.direction != "out":
            yield edge.parent
        if self.direction != "in":
            yield edge.child
