# SPDX-License-Identifier: Apache-2.0
"""What each object of a source contributes to the graph, kept, so that only differences are written. Pure.

An object is an OVSDB row, a virtual machine, a neighbour: whatever comes, changes and goes as one.
"""

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from netsonde.graph.batch import Batch
from netsonde.graph.ids import edge_id
from netsonde.model.elements import Metadata

K = TypeVar("K", bound=Hashable)


@dataclass(slots=True)
class Contribution:
    """Nodes put, notes on others' nodes, and edges, of one object."""

    nodes: dict[str, Metadata] = field(default_factory=dict)
    notes: dict[str, Metadata] = field(default_factory=dict)
    edges: dict[str, tuple[str, str, Metadata]] = field(default_factory=dict)
    """By id: parent, child, metadata."""

    def link(self, parent: str, child: str, relation: str, kind: str = "") -> None:
        metadata: Metadata = {"RelationType": relation}
        if kind:
            metadata["Type"] = kind
        self.edges[edge_id(parent, child, relation)] = (parent, child, metadata)


class ContributionPublisher(Generic[K]):
    """Writes contributions under one owner's name."""

    def __init__(self, owner: str, *, host: str | None = None) -> None:
        """`host`: of the nodes that it puts; "" for those that several hosts share, None for the graph's own."""
        self._owner = owner
        self._host = host
        self._published: dict[K, Contribution] = {}
        self._objects_on: dict[str, set[K]] = {}

    def __len__(self) -> int:
        return len(self._published)

    def put(self, batch: Batch, key: K, new: Contribution) -> None:
        """State what an object contributes now, instead of what it did before."""
        old = self._published.get(key, Contribution())
        for edge in old.edges.keys() - new.edges.keys():
            batch.delete_edge(edge)
        for node in (old.nodes.keys() | old.notes.keys()) - (new.nodes.keys() | new.notes.keys()):
            batch.drop_layer(node, self._owner)
            self._objects_on.get(node, set()).discard(key)
        for node, metadata in new.nodes.items():
            if old.nodes.get(node) != metadata:
                batch.put_node(node, self._owner, metadata, host=self._host)
        for node, metadata in new.notes.items():
            if old.notes.get(node) != metadata:
                batch.annotate(node, self._owner, metadata)
        for edge, (parent, child, metadata) in new.edges.items():
            if old.edges.get(edge) != (parent, child, metadata):
                batch.put_edge(edge, parent, child, self._owner, metadata)
        self._remember(key, new)

    def forget(self, batch: Batch, key: K) -> None:
        """Take away all that an object contributed."""
        self.put(batch, key, Contribution())

    def node_lost(self, node: str) -> set[K]:
        """A node is gone, with the notes on it and its edges; return the objects that must be looked at again."""
        objects = self._objects_on.pop(node, set())
        for key in objects:
            published = self._published.get(key)
            if published is not None:
                published.nodes.pop(node, None)
                published.notes.pop(node, None)
                published.edges = {name: edge for name, edge in published.edges.items() if node not in edge[:2]}
        return objects

    def _remember(self, key: K, new: Contribution) -> None:
        if not (new.nodes or new.notes or new.edges):
            self._published.pop(key, None)
            return
        self._published[key] = new
        for node in (*new.nodes, *new.notes, *(end for edge in new.edges.values() for end in edge[:2])):
            self._objects_on.setdefault(node, set()).add(key)
