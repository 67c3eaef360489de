# SPDX-License-Identifier: Apache-2.0
"""`Out`, `In`, `Both`, `OutE`, `InE`, `BothE`, `OutV`, `InV`, `BothV`: along edges, one result per edge.

Edges lead from parent to child. `InV` is an edge's parent and `OutV` its child: the reverse of TinkerPop's meaning,
kept because all queries in use rely on it; `ParentV` and `ChildV` say the same without doubt.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, cast

from netsonde.graph.reader import GraphReader
from netsonde.model.elements import Edge, Node
from netsonde.query.context import Context
from netsonde.query.filters import Filter, pairs
from netsonde.query.kinds import Kind
from netsonde.query.rows import Rows
from netsonde.query.steps._api import Building, Effect, Operation
from netsonde.query.steps.flow_ends import build_flow_end
from netsonde.query.syntax import Call

Direction: TypeAlias = Literal["out", "in", "both"]


@dataclass(frozen=True, slots=True)
class Move(Operation):
    """Go from nodes to nodes, from nodes to edges, or from edges to nodes, and keep what passes the filter."""

    effect = Effect.MOVES

    takes: Kind
    gives: Kind
    direction: Direction
    filter: Filter | None

    def apply(self, rows: Rows, context: Context) -> Rows:
        graph = context.graph
        if self.takes is Kind.EDGES:
            reached: Iterable[Node | Edge] = _ends(cast("Sequence[Edge]", rows), graph, self.direction)
        elif self.gives is Kind.EDGES:
            reached = _edges(cast("Sequence[Node]", rows), graph, self.direction)
        else:
            reached = _others(cast("Sequence[Node]", rows), graph, self.direction)
        if self.filter is not None:
            test = self.filter.test
            reached = (element for element in reached if test(element))
        return context.collected(reached)

    def filters(self) -> Iterable[tuple[Kind, Filter]]:
        return () if self.filter is None else ((self.gives, self.filter),)


def _others(nodes: Sequence[Node], graph: GraphReader, direction: Direction) -> Iterable[Node]:
    for node in nodes:
        if direction != "out":
            for edge in graph.in_edges(node.id):
                yield from graph.revisions(edge.parent)
        if direction != "in":
            for edge in graph.out_edges(node.id):
                yield from graph.revisions(edge.child)


def _edges(nodes: Sequence[Node], graph: GraphReader, direction: Direction) -> Iterable[Edge]:
    for node in nodes:
        if direction != "out":
            for edge in graph.in_edges(node.id):
                yield from graph.edge_revisions(edge.id)
        if direction != "in":
            for edge in graph.out_edges(node.id):
                yield from graph.edge_revisions(edge.id)


def _ends(edges: Sequence[Edge], graph: GraphReader, direction: Direction) -> Iterable[Node]:
    for edge in edges:
        if direction != "out":
            yield from graph.revisions(edge.parent)
        if direction != "in":
            yield from graph.revisions(edge.child)


def _builder(direction: Direction, meaning: str) -> Callable[[Call, Building], Operation]:
    def build(call: Call, building: Building) -> Operation:
        if building.takes is Kind.FLOWS:
            return build_flow_end(call, direction)
        chosen = pairs(call, building.gives) if call.arguments else None
        return Move(building.takes, building.gives, direction, chosen)

    build.__doc__ = meaning
    return build


build_out = _builder(
    "out",
    "The children of each node, once per edge: `G.V('br0').Out('Type', 'ovsport')`; of flows, the node of Link.B.",
)
build_in = _builder("in", "The parents of each node, once per edge: `G.V('v1h').In()`; of flows, the node of Link.A.")
build_both = _builder(
    "both", "The nodes at the other end of each edge: `G.V('v1h').Both()`; of flows, the nodes of Link.A and Link.B."
)
build_out_e = _builder(
    "out", "The edges that leave each node, towards its children: `G.V('br0').OutE('RelationType', 'layer2')`."
)
build_in_e = _builder("in", "The edges that enter each node, from its parents: `G.V('v1h').InE()`.")
build_both_e = _builder("both", "The edges that touch each node: `G.V('v1h').BothE()`.")
build_child_v = _builder(
    "out", "The child end of each edge: `G.E('l5').OutV()`; the reverse of what TinkerPop calls so."
)
build_parent_v = _builder(
    "in", "The parent end of each edge: `G.E('l5').InV()`; the reverse of what TinkerPop calls so."
)
build_both_v = _builder("both", "Both ends of each edge, the parent first: `G.E('l5').BothV()`.")
