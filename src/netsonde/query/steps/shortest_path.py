# SPDX-License-Identifier: Apache-2.0
"""`ShortestPathTo`: from each node to the nearest one that matches, edges taken in both directions."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import cast

from netsonde.graph.shortest_path import shortest_path
from netsonde.model.elements import Node
from netsonde.query.context import Context
from netsonde.query.errors import QueryError
from netsonde.query.filters import Filter, filter_of
from netsonde.query.kinds import Kind
from netsonde.query.rows import Nodes, Rows
from netsonde.query.steps._api import Building, Operation
from netsonde.query.steps.graph_sources import select
from netsonde.query.syntax import Argument, Call


@dataclass(frozen=True, slots=True)
class ShortestPaths(Operation):
    """One path for each start that has one; a start that matches is a path by itself."""

    target: Filter
    along: Filter | None

    def apply(self, rows: Rows, context: Context) -> Rows:
        starts = cast("Sequence[Node]", rows)
        targets: Collection[str] = {node.id for node in select(Kind.NODES, self.target, context)} if starts else ()
        along = self.along.test if self.along is not None else None
        paths: list[Nodes] = []
        for start in starts:
            path = shortest_path(context.graph, start.id, targets, along, context.check)
            if path:
                paths.append(tuple(path))
            context.check(len(paths))
        return paths

    def filters(self) -> Iterable[tuple[Kind, Filter]]:
        yield Kind.NODES, self.target
        if self.along is not None:
            yield Kind.EDGES, self.along


def build_shortest_path(call: Call, building: Building) -> Operation:
    """The shortest path from each node to the nearest one with the given metadata.

    `G.V('v1n').ShortestPathTo(Metadata('Type', 'host'), Metadata('RelationType', 'ownership'))`: the second chooses the
    edges, whose directions do not count.
    """
    if not 1 <= len(call.arguments) <= 2:
        raise QueryError(f"{call.name} takes one or two Metadata(…): the target, and the edges to use", span=call.span)
    target = _metadata(call.arguments[0], Kind.NODES)
    along = _metadata(call.arguments[1], Kind.EDGES) if len(call.arguments) == 2 else None
    return ShortestPaths(target, along)


def _metadata(argument: Argument, kind: Kind) -> Filter:
    if isinstance(argument, Call) and argument.name.lower() == "metadata":
        return filter_of(argument.arguments, argument, kind)
    raise QueryError("Metadata(…) is expected here", hint="such as Metadata('Type', 'host')", span=argument.span)
