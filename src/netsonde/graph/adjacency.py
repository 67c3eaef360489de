# SPDX-License-Identifier: Apache-2.0
"""Which edges leave and enter a node; small for the many nodes with few edges, fast for the few with many."""

from collections.abc import Sequence
from typing import Final

from netsonde.model.elements import Edge

_MANY: Final = 16
"""From here on a dict: removing one edge from a tuple copies it, which on a hub would cost the square of its degree."""


class Adjacency:
    """Edges by node, for one direction."""

    __slots__ = ("_by_node",)

    def __init__(self) -> None:
        self._by_node: dict[str, tuple[Edge, ...] | dict[str, Edge]] = {}

    def of(self, node_id: str) -> Sequence[Edge]:
        found = self._by_node.get(node_id)
        if found is None:
            return ()
        return tuple(found.values()) if isinstance(found, dict) else found

    def put(self, node_id: str, edge: Edge) -> None:
        """Add an edge, or replace an earlier revision of it."""
        found = self._by_node.get(node_id)
        if found is None:
            self._by_node[node_id] = (edge,)
        elif isinstance(found, dict):
            found[edge.id] = edge
        elif len(found) < _MANY:
            self._by_node[node_id] = (*(e for e in found if e.id != edge.id), edge)
        else:
            by_id = {e.id: e for e in found}
            by_id[edge.id] = edge
            self._by_node[node_id] = by_id

    def remove(self, node_id: str, edge_id: str) -> None:
        found = self._by_node.get(node_id)
        if found is None:
            return
        if isinstance(found, dict):
            found.pop(edge_id, None)
            left: tuple[Edge, ...] | dict[str, Edge] = found
        else:
            left = self._by_node[node_id] = tuple(e for e in found if e.id != edge_id)
        if not left:
            del self._by_node[node_id]
