# SPDX-License-Identifier: Apache-2.0
"""Changes that another process made to its graph, brought into the merged one.

Every element is claimed by its origin, so objects that several agents see (Host "") live as long as one of them sees
them. A snapshot is compared, never deleted and added again: an agent that restarts changes only what did change.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from netsonde.model.elements import Edge, Node
from netsonde.model.topology import Change, NodeChange

if TYPE_CHECKING:
    from netsonde.graph.transaction import Transaction


class RemoteChanges:
    """Fills one transaction from what came over the bus."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def apply(self, changes: Iterable[Change]) -> None:
        """Repeat changes in their order."""
        for change in changes:
            if isinstance(change, NodeChange):
                self._node(change.node, is_gone=change.kind == "deleted")
            else:
                self._edge(change.edge, is_gone=change.kind == "deleted")

    def replace(self, origin: str, nodes: Iterable[Node], edges: Iterable[Edge]) -> None:
        """Let an origin claim exactly these elements."""
        graph = self._transaction.graph
        kept_nodes = {node.id: node for node in nodes}
        kept_edges = {edge.id: edge for edge in edges}
        for edge_id in graph._edge_layers.owned(origin) - kept_edges.keys():
            self._transaction.unclaim_edge(edge_id, origin)
        for node_id in graph._node_layers.owned(origin) - kept_nodes.keys():
            self._transaction.unclaim_node(node_id, origin)
        for node in kept_nodes.values():
            self._transaction.claim_node(node, origin)
        for edge in kept_edges.values():
            self._transaction.claim_edge(edge, origin)

    def _node(self, node: Node, *, is_gone: bool) -> None:
        if is_gone:
            self._transaction.unclaim_node(node.id, node.origin)
        else:
            self._transaction.claim_node(node, node.origin)

    def _edge(self, edge: Edge, *, is_gone: bool) -> None:
        if is_gone:
            self._transaction.unclaim_edge(edge.id, edge.origin)
        else:
            self._transaction.claim_edge(edge, edge.origin)
