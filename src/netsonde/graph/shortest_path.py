# SPDX-License-Identifier: Apache-2.0
"""The shortest path from a node to the nearest of several others, edges taken in both directions.

Breadth first from both ends at once. Among equally short paths the one whose ids come first in order is returned, so
the answer to a query does not change between two runs.
"""

from collections.abc import Callable, Collection, Iterable

from netsonde.graph.reader import GraphReader
from netsonde.model.elements import Edge, Node

Accept = Callable[[Edge], bool]


def shortest_path(graph: GraphReader, start: str, targets: Collection[str], accept: Accept | None = None) -> list[Node]:
    """Return the nodes from `start` to the nearest target, both included; [] when there is no path.

    `accept` chooses the edges that may be used, None = all. A start that is a target is a path by itself.
    """
    goals = [target for target in targets if graph.node(target) is not None]
    if graph.node(start) is None or not goals:
        return []
    ids = _Search(graph, accept, start, goals).run()
    return [node for node in map(graph.node, ids) if node is not None]


class _Search:
    def __init__(self, graph: GraphReader, accept: Accept | None, start: str, goals: Iterable[str]) -> None:
        self._graph = graph
        self._accept = accept
        self._start = start
        self._ahead = {start: 0}
        self._behind = dict.fromkeys(goals, 0)

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
        for node in frontier:
            for other in self._neighbours(node):
                if other not in seen:
                    seen[other] = distance
                    found.append(other)
        return found

    def _neighbours(self, node: str) -> Iterable[str]:
        accept = self._accept
        for edge in self._graph.out_edges(node):
            if (accept is None or accept(edge)) and self._graph.node(edge.child) is not None:
                yield edge.child
        for edge in self._graph.in_edges(node):
            if (accept is None or accept(edge)) and self._graph.node(edge.parent) is not None:
                yield edge.parent

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
