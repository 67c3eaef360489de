# SPDX-License-Identifier: Apache-2.0
"""`Descendants`, `Ascendants`, `Neighbors`: everything within some edges of the start, the start included."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import cast

from netsonde.graph.reader import GraphReader
from netsonde.model.elements import Edge, Node
from netsonde.query import arguments
from netsonde.query.context import Context
from netsonde.query.errors import QueryError
from netsonde.query.filters import Filter, combine, condition, filter_of
from netsonde.query.kinds import Kind
from netsonde.query.predicates import equals
from netsonde.query.rows import Rows
from netsonde.query.steps._api import Building, Operation
from netsonde.query.steps.moving import Direction
from netsonde.query.syntax import Argument, Call, Literal


@dataclass(frozen=True, slots=True)
class Walk(Operation):
    """Breadth first along the chosen edges; each node once, the nearest first."""

    direction: Direction
    depth: int | None
    """Edges from a start node; None = no limit."""
    along: Filter

    def apply(self, rows: Rows, context: Context) -> Rows:
        starts = cast("Sequence[Node]", rows)
        seen: dict[str, None] = dict.fromkeys(node.id for node in starts)
        # In an interval the start keeps the revisions it came with; the nodes reached come with all of theirs.
        found: list[Node] = list(starts) if len(seen) == len(starts) else list({_same(n): n for n in starts}.values())
        frontier = list(seen)
        distance = 0
        while frontier and (self.depth is None or distance < self.depth):
            frontier = context.collected(self._beyond(frontier, seen, context.graph))
            for node_id in frontier:
                found += context.graph.revisions(node_id)
            context.check(len(found))
            distance += 1
        return found

    def filters(self) -> Iterable[tuple[Kind, Filter]]:
        return ((Kind.EDGES, self.along),)

    def _beyond(self, frontier: Sequence[str], seen: dict[str, None], graph: GraphReader) -> Iterable[str]:
        for node_id in frontier:
            for edge, other in _steps(graph, node_id, self.direction):
                if other not in seen and self.along.test(edge):
                    seen[other] = None
                    yield other


def _same(node: Node) -> tuple[str, int, int]:
    return node.id, node.updated_at, node.revision


def _steps(graph: GraphReader, node_id: str, direction: Direction) -> Iterable[tuple[Edge, str]]:
    if direction != "in":
        for edge in graph.out_edges(node_id):
            yield edge, edge.child
    if direction != "out":
        for edge in graph.in_edges(node_id):
            yield edge, edge.parent


def _builder(direction: Direction, meaning: str) -> Callable[[Call, Building], Operation]:
    def build(call: Call, building: Building) -> Operation:
        pairs, depth = _split(call)
        if pairs:
            along = filter_of(pairs, call, Kind.EDGES, any_of=True)
        else:
            key = Literal("RelationType", call.span)
            along = combine([condition(key, equals("ownership"), Kind.EDGES)])
        # Neighbors(0) is the start alone, the other two take 0 for "no limit"; so it always was.
        return Walk(direction, None if depth == 0 and direction != "both" else depth, along)

    build.__doc__ = meaning
    return build


def _split(call: Call) -> tuple[Sequence[Argument], int]:
    if len(call.arguments) % 2 == 0:
        return call.arguments, 1
    last = call.arguments[-1]
    if not (isinstance(last, Literal) and isinstance(last.value, int)):
        raise QueryError(
            f"the last argument of {call.name} must be the depth, a whole number",
            hint=f"such as {call.name}('RelationType', 'layer2', 2)",
            span=last.span,
        )
    return call.arguments[:-1], arguments.count_of(last)


build_descendants = _builder(
    "out",
    "The nodes and what lies below them, down to a depth (1; 0 = all): `G.V('h1').Descendants(2)`.\n\n"
    "Along edges of `RelationType` ownership, or those that pass one of the pairs given before the depth:\n"
    "`G.V('br0').Descendants('RelationType', 'layer2', 3)`.",
)
build_ascendants = _builder(
    "in", "The nodes and what lies above them, up to a height (1; 0 = all): `G.V('v1n').Ascendants(2)`."
)
build_neighbors = _builder(
    "both", "The nodes and what lies within some edges (1) in any direction: `G.V('v1n').Neighbors(2)`."
)
