# SPDX-License-Identifier: Apache-2.0
"""`SubGraph`: the part of the graph that a query found, as a graph to go on with."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar, cast

from netsonde.graph.snapshot import SnapshotGraph
from netsonde.model.elements import Edge, Node
from netsonde.query.context import Context
from netsonde.query.filters import Filter, pairs
from netsonde.query.kinds import Kind
from netsonde.query.order import newer
from netsonde.query.rows import Nodes, Rows
from netsonde.query.steps._api import Building, Operation
from netsonde.query.syntax import Call

E = TypeVar("E", Node, Edge)


@dataclass(frozen=True, slots=True)
class SubGraph(Operation):
    """Make the found elements the graph of the context; each is in it once, in its newest revision."""

    takes: Kind
    filter: Filter | None

    def apply(self, rows: Rows, context: Context) -> Rows:
        if self.takes is Kind.EDGES:
            edges = _newest(cast("Sequence[Edge]", rows))
            edges = {id: edge for id, edge in edges.items() if self._accepts(edge)}
            nodes = self._ends(edges.values(), context)
        else:
            nodes = _newest(self._nodes(rows))
            edges = self._between(nodes, context)
        context.graph = SnapshotGraph(nodes.values(), edges.values())
        context.saved.clear()
        return ()

    def filters(self) -> Iterable[tuple[Kind, Filter]]:
        return () if self.filter is None else ((Kind.EDGES, self.filter),)

    def _nodes(self, rows: Rows) -> Iterable[Node]:
        if self.takes is Kind.PATHS:
            return (node for path in cast("Sequence[Nodes]", rows) for node in path)
        return cast("Sequence[Node]", rows)

    def _accepts(self, edge: Edge) -> bool:
        return self.filter is None or self.filter.test(edge)

    def _ends(self, edges: Iterable[Edge], context: Context) -> dict[str, Node]:
        found = (context.graph.node(end) for edge in edges for end in (edge.parent, edge.child))
        return {node.id: node for node in context.collected(found) if node is not None}

    def _between(self, nodes: dict[str, Node], context: Context) -> dict[str, Edge]:
        found = (
            edge for id in nodes for edge in context.graph.out_edges(id) if edge.child in nodes and self._accepts(edge)
        )
        return {edge.id: edge for edge in context.collected(found)}


def _newest(elements: Iterable[E]) -> dict[str, E]:
    found: dict[str, E] = {}
    for element in elements:
        seen = found.get(element.id)
        if seen is None or newer(element, seen):
            found[element.id] = element
    return found


def build_sub_graph(call: Call, building: Building) -> Operation:
    """The found nodes and the edges between them, or the found edges and their ends, as a graph.

    Pairs choose edges: `G.V().Has('Type', 'veth').SubGraph('RelationType', 'layer2')`.
    """
    building.names.clear()
    building.graph_is_root = False
    return SubGraph(building.takes, pairs(call, Kind.EDGES) if call.arguments else None)
