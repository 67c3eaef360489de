# SPDX-License-Identifier: Apache-2.0
"""A graph made of given revisions, such as history returns them: of one time, or of an interval."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cached_property
from typing import TypeVar

from netsonde.graph.index import Indexes
from netsonde.model.elements import Edge, Json, Node

E = TypeVar("E", Node, Edge)


class SnapshotGraph:
    """Implements GraphReader. Several revisions of one id may be given, in any order; nothing changes later.

    Edges are kept even if an end is not among the nodes: who walks meets None there.
    """

    def __init__(self, nodes: Iterable[Node], edges: Iterable[Edge]) -> None:
        self._node_revisions = _by_id(nodes)
        self._edge_revisions = _by_id(edges)
        self._all_nodes = dict(enumerate(_flat(self._node_revisions)))
        self._all_edges = dict(enumerate(_flat(self._edge_revisions)))
        self._node_indexes: Indexes[Node, int] = Indexes(self._all_nodes)
        self._edge_indexes: Indexes[Edge, int] = Indexes(self._all_edges)

    def node(self, node_id: str) -> Node | None:
        found = self._node_revisions.get(node_id)
        return found[-1] if found else None

    def edge(self, edge_id: str) -> Edge | None:
        found = self._edge_revisions.get(edge_id)
        return found[-1] if found else None

    def revisions(self, node_id: str) -> Sequence[Node]:
        return self._node_revisions.get(node_id, ())

    def edge_revisions(self, edge_id: str) -> Sequence[Edge]:
        return self._edge_revisions.get(edge_id, ())

    def nodes(self) -> Iterable[Node]:
        return self._all_nodes.values()

    def edges(self) -> Iterable[Edge]:
        return self._all_edges.values()

    def node_count(self) -> int:
        return len(self._all_nodes)

    def edge_count(self) -> int:
        return len(self._all_edges)

    def out_edges(self, node_id: str) -> Sequence[Edge]:
        """Return the newest revision of each edge that leaves the node."""
        return self._out.get(node_id, ())

    def in_edges(self, node_id: str) -> Sequence[Edge]:
        return self._in.get(node_id, ())

    def nodes_with(self, path: str, value: Json) -> Collection[Node]:
        return self._node_indexes.with_value(path, value)

    def nodes_having(self, path: str) -> Collection[Node]:
        return self._node_indexes.having(path)

    def edges_with(self, path: str, value: Json) -> Collection[Edge]:
        return self._edge_indexes.with_value(path, value)

    def edges_having(self, path: str) -> Collection[Edge]:
        return self._edge_indexes.having(path)

    @cached_property
    def _out(self) -> Mapping[str, Sequence[Edge]]:
        return self._adjacent(lambda edge: edge.parent)

    @cached_property
    def _in(self) -> Mapping[str, Sequence[Edge]]:
        return self._adjacent(lambda edge: edge.child)

    def _adjacent(self, end: Callable[[Edge], str]) -> Mapping[str, Sequence[Edge]]:
        adjacent: dict[str, list[Edge]] = {}
        for revisions in self._edge_revisions.values():
            adjacent.setdefault(end(revisions[-1]), []).append(revisions[-1])
        return adjacent


def _by_id(elements: Iterable[E]) -> Mapping[str, Sequence[E]]:
    given = list(elements)
    alone: dict[str, Sequence[E]] = {element.id: (element,) for element in given}
    if len(alone) == len(given):
        # One revision of each, as at one time; a list for every id would double what making the graph costs.
        return alone
    by_id: dict[str, list[E]] = {}
    for element in given:
        by_id.setdefault(element.id, []).append(element)
    for revisions in by_id.values():
        # An agent that restarted counts revisions anew; time tells them apart then.
        revisions.sort(key=lambda element: (element.updated_at, element.revision))
    return by_id


def _flat(by_id: Mapping[str, Sequence[E]]) -> Iterable[E]:
    return (element for revisions in by_id.values() for element in revisions)
