# SPDX-License-Identifier: Apache-2.0
"""The reading half of the live graph: elements by id, adjacency, indexes."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager

from netsonde.graph.adjacency import Adjacency
from netsonde.graph.index import Indexes
from netsonde.model.elements import Edge, Json, Node


class IndexedElements:
    """One revision of each element; implements GraphReader."""

    def __init__(self) -> None:
        self._nodes: dict[str, Node] = {}
        self._edges: dict[str, Edge] = {}
        self._out = Adjacency()
        self._in = Adjacency()
        self._node_indexes: Indexes[Node, str] = Indexes(self._nodes)
        self._edge_indexes: Indexes[Edge, str] = Indexes(self._edges)

    @contextmanager
    def hurried(self) -> Iterator[None]:
        """Within it, a lookup that would have to index many elements first raises NotIndexed."""
        self._node_indexes.hurried = self._edge_indexes.hurried = True
        try:
            yield
        finally:
            self._node_indexes.hurried = self._edge_indexes.hurried = False

    def node(self, node_id: str) -> Node | None:
        return self._nodes.get(node_id)

    def edge(self, edge_id: str) -> Edge | None:
        return self._edges.get(edge_id)

    def revisions(self, node_id: str) -> Sequence[Node]:
        node = self._nodes.get(node_id)
        return () if node is None else (node,)

    def edge_revisions(self, edge_id: str) -> Sequence[Edge]:
        edge = self._edges.get(edge_id)
        return () if edge is None else (edge,)

    def nodes(self) -> Iterable[Node]:
        return self._nodes.values()

    def edges(self) -> Iterable[Edge]:
        return self._edges.values()

    def node_count(self) -> int:
        return len(self._nodes)

    def edge_count(self) -> int:
        return len(self._edges)

    def out_edges(self, node_id: str) -> Sequence[Edge]:
        return self._out.of(node_id)

    def in_edges(self, node_id: str) -> Sequence[Edge]:
        return self._in.of(node_id)

    def nodes_with(self, path: str, value: Json) -> Collection[Node]:
        return self._node_indexes.with_value(path, value)

    def nodes_having(self, path: str) -> Collection[Node]:
        return self._node_indexes.having(path)

    def edges_with(self, path: str, value: Json) -> Collection[Edge]:
        return self._edge_indexes.with_value(path, value)

    def edges_having(self, path: str) -> Collection[Edge]:
        return self._edge_indexes.having(path)
