# SPDX-License-Identifier: Apache-2.0
"""Short hand for tests that write to a graph, one batch a call."""

from netsonde.graph.batch import OWNERSHIP, Batch
from netsonde.graph.graph import Graph
from netsonde.model.elements import Metadata


class Lab:
    """Writes to a graph."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph

    def node(self, node_id: str, metadata: Metadata, owner: str = "netlink") -> None:
        batch = Batch()
        batch.put_node(node_id, owner, metadata)
        self.graph.apply(batch)

    def edge(self, parent: str, child: str, relation: str = OWNERSHIP) -> str:
        batch = Batch()
        edge = batch.put_edge(None, parent, child, "netlink", {"RelationType": relation})
        self.graph.apply(batch)
        return edge

    def annotate(self, node_id: str, metadata: Metadata, owner: str = "ovsdb") -> None:
        batch = Batch()
        batch.annotate(node_id, owner, metadata)
        self.graph.apply(batch)

    def delete(self, node_id: str) -> None:
        batch = Batch()
        batch.delete_node(node_id)
        self.graph.apply(batch)
