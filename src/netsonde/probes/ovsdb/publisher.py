# SPDX-License-Identifier: Apache-2.0
"""What each row contributes to the graph, kept, so that only differences are written. Pure."""

from dataclasses import dataclass, field

from netsonde.graph.batch import Batch
from netsonde.graph.ids import edge_id
from netsonde.model.elements import Metadata
from netsonde.probes.ovsdb.monitor import RowKey


@dataclass(slots=True)
class Contribution:
    """Nodes put, notes on others' nodes, and edges, of one row."""

    nodes: dict[str, Metadata] = field(default_factory=dict)
    notes: dict[str, Metadata] = field(default_factory=dict)
    edges: dict[str, tuple[str, str, Metadata]] = field(default_factory=dict)
    """By id: parent, child, metadata."""

    def link(self, parent: str, child: str, relation: str, kind: str = "") -> None:
        metadata: Metadata = {"RelationType": relation}
        if kind:
            metadata["Type"] = kind
        self.edges[edge_id(parent, child, relation)] = (parent, child, metadata)


class RowPublisher:
    """Writes contributions under one owner's name."""

    def __init__(self, owner: str) -> None:
        self._owner = owner
        self._published: dict[RowKey, Contribution] = {}
        self._rows_of: dict[str, set[RowKey]] = {}

    def __len__(self) -> int:
        return len(self._published)

    def put(self, batch: Batch, key: RowKey, new: Contribution) -> None:
        """State what a row contributes now, instead of what it did before."""
        old = self._published.get(key, Contribution())
        for edge in old.edges.keys() - new.edges.keys():
            batch.delete_edge(edge)
        for node in (old.nodes.keys() | old.notes.keys()) - (new.nodes.keys() | new.notes.keys()):
            batch.drop_layer(node, self._owner)
            self._rows_of.get(node, set()).discard(key)
        for node, metadata in new.nodes.items():
            if old.nodes.get(node) != metadata:
                batch.put_node(node, self._owner, metadata)
        for node, metadata in new.notes.items():
            if old.notes.get(node) != metadata:
                batch.annotate(node, self._owner, metadata)
        for edge, (parent, child, metadata) in new.edges.items():
            if old.edges.get(edge) != (parent, child, metadata):
                batch.put_edge(edge, parent, child, self._owner, metadata)
        self._remember(key, new)

    def node_lost(self, node: str) -> set[RowKey]:
        """A node is gone, and with it the notes on it and its edges; return the rows that must be looked at again."""
        rows = self._rows_of.pop(node, set())
        for key in rows:
            published = self._published.get(key)
            if published is not None:
                published.nodes.pop(node, None)
                published.notes.pop(node, None)
                published.edges = {name: edge for name, edge in published.edges.items() if node not in edge[:2]}
        return rows

    def _remember(self, key: RowKey, new: Contribution) -> None:
        if not (new.nodes or new.notes or new.edges):
            self._published.pop(key, None)
            return
        self._published[key] = new
        for node in (*new.nodes, *new.notes, *(end for edge in new.edges.values() for end in edge[:2])):
            self._rows_of.setdefault(node, set()).add(key)
