# SPDX-License-Identifier: Apache-2.0
"""The shortest path from a node to the nearest of several others, edges taken in both directions.

Breadth first from both ends at once. Among equally short paths the one whose ids come first in order is returned, so
the answer to a query does not change between two runs.
"""

from collections.abc import Callable, Collection, Iterable
from typing import Final

from netsonde.graph.reader import GraphReader
from netsonde.model.elements import Edge, Node

Accept = Callable[[Edge], bool]

_LOOKS: Final = 16
"""Nodes between two looks at the clock."""


def shortest_path(
    graph: GraphReader,
    start: str,
    targets: Collection[str],
    accept: Accept | None = None,
    look: Callable[[], None] | None = None,
) -> list[Node]:
    """Return the nodes from `start` to the nearest target, both included; [] when there is no path.

    `accept` chooses the edges that may be used, None = all. A start that is a target is a path by itself. `look` is
    called now and then, and may raise to end the search.
    """
    goals = [target for target in targets if graph.node(target) is not None]
    if graph.node(start) is None or not goals:
        return []
    ids = _Search(graph, accept, start, goals, look).run()
    return [node for node in map(graph.node, ids) if node is not None]


class _Search:
    def __init__(
        self,
        graph: GraphReader,
        accept: Accept | None,
        start: str,
        goals: Iterable[str],
        look: Callable[[], None] | None,
    ) -> None:
        self._graph = graph
        self._accept = accept
        self._start = start
        self._look = look
        self._ahead = {start: 0}
        self._behind = dict.fromkeys(goals, 0)
        self._near: dict[str, list[str]] = {}

    def run(self) -> list[str]:
        if self._start in self._behind:
            return [self._start]
        ahead, behind = [self._start], list(self._behind)
        while ahead and behind:
            if len(ahead) <= len(behind):
                ahead = self._expand(ahead, self._ahead)
                meeting = [node for node in ahead if node in self._behind]
            else:
                behind = self._expand(behind, self._behind)
                meeting = [node for node in behind if node in self._ahead]
            if meeting:
                return self._first_path(meeting)
        return []

    def _expand(self, frontier: list[str], seen: dict[str, int]) -> list[str]:
        found: list[str] = []
        distance = seen[frontier[0]] + 1
        node_of = self._graph.node
        for node in frontier:
            for other in self._neighbours(node):
                if other not in seen and node_of(other) is not None:
                    seen[other] = distance
                    found.append(other)
        return found

    def _neighbours(self, node: str) -> list[str]:
        """Return the other ends of a node's edges, which may be none of the graph's nodes."""
        near = self._near.get(node)
        if near is None:
            if self._look is not None and len(self._near) % _LOOKS == 0:
                self._look()
            out, into, accept = self._graph.out_edges(node), self._graph.in_edges(node), self._accept
            if accept is None:
                near = [edge.child for edge in out] + [edge.parent for edge in into]
            else:
                near = [edge.child for edge in out if accept(edge)] + [edge.parent for edge in into if accept(edge)]
            self._near[node] = near
        return near

    def _first_path(self, meeting: list[str]) -> list[str]:
        """Return the path whose ids come first among all shortest ones through the nodes where the searches met."""
        levels = [set(meeting)]
        for distance in range(self._ahead[meeting[0]] - 1, -1, -1):
            before = {
                other for node in levels[-1] for other in self._neighbours(node) if self._ahead.get(other) == distance
            }
            levels.append(before)
        path = [self._start]
        for level in reversed(levels[:-1]):
            path.append(min(node for node in self._neighbours(path[-1]) if node in level))
        for distance in range(self._behind[path[-1]] - 1, -1, -1):
            path.append(min(node for node in self._neighbours(path[-1]) if self._behind.get(node) == distance))
        return path
