# SPDX-License-Identifier: Apache-2.0
"""Reading a graph, live or historic: what queries, matchers and the API ask for.

Everything is answered from memory, at once. Collections may be views of the live graph: whoever keeps one over an
`await` copies it first.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Protocol

from netsonde.model.elements import Edge, Json, Node


class GraphReader(Protocol):
    """A graph at one time, or over an interval, where one id may have several visible revisions."""

    def node(self, node_id: str) -> Node | None:
        """Return the newest visible revision."""

    def edge(self, edge_id: str) -> Edge | None: ...

    def revisions(self, node_id: str) -> Sequence[Node]:
        """Return every visible revision, oldest first; one in a live graph."""

    def edge_revisions(self, edge_id: str) -> Sequence[Edge]: ...

    def nodes(self) -> Iterable[Node]:
        """Yield every visible revision of every node."""

    def edges(self) -> Iterable[Edge]: ...

    def node_count(self) -> int: ...

    def edge_count(self) -> int: ...

    def out_edges(self, node_id: str) -> Sequence[Edge]:
        """Return the edges whose parent is the node."""

    def in_edges(self, node_id: str) -> Sequence[Edge]:
        """Return the edges whose child is the node."""

    def nodes_with(self, path: str, value: Json) -> Collection[Node]:
        """Return the nodes that have exactly this JSON value at the path, or a list with it among its members.

        1 equals 1.0; it equals neither "1" nor true. Raises UserError for a path that cannot be parsed.
        """

    def nodes_having(self, path: str) -> Collection[Node]:
        """Return the nodes at which the path is present, be its value null or an empty list."""

    def edges_with(self, path: str, value: Json) -> Collection[Edge]: ...

    def edges_having(self, path: str) -> Collection[Edge]: ...
