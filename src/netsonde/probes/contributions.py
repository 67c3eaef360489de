# SPDX-License-Identifier: Apache-2.0
"""What each object of a source contributes to the graph, kept, so that only differences are written. Pure.

An object is an OVSDB row, a virtual machine, a neighbour: whatever comes, changes and goes as one.
"""

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

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
    """Writes contributions under one owner's name; what objects share goes with the last of them."""

    def __init__(self, owner: str, *, host: str | None = None) -> None:
        """`host`: of the nodes that it puts; "" for those that several hosts share, None for the graph's own."""
        self._owner = owner
        self._host = host
        self._published: dict[K, Contribution] = {}
        self._objects_on: dict[str, dict[K, None]] = {}

    def __len__(self) -> int:
        return len(self._published)

    @property
    def mentioned(self) -> set[str]:
        """Nodes that an object puts, has notes on, or joins by an edge."""
        return set(self._objects_on)

    def put(self, batch: Batch, key: K, new: Contribution) -> None:
        """State what an object contributes now, instead of what it did before."""
        old = self._published.get(key, _NOTHING)
        if old == new:
            return
        self._remember(key, new)
        for edge in old.edges.keys() - new.edges.keys():
            if not self._is_stated(edge, old.edges[edge][1]):
                batch.delete_edge(edge, self._owner)
        for node in (*old.nodes, *old.notes):
            if node not in new.nodes and node not in new.notes:
                self._state(batch, node)
        for node in (*new.nodes, *new.notes):
            if old.nodes.get(node) != new.nodes.get(node) or old.notes.get(node) != new.notes.get(node):
                self._state(batch, node)
        for edge, (parent, child, metadata) in new.edges.items():
            if old.edges.get(edge) != (parent, child, metadata):
                batch.put_edge(edge, parent, child, self._owner, metadata)

    def forget(self, batch: Batch, key: K) -> None:
        """Take away all that an object contributed."""
        self.put(batch, key, Contribution())

    def node_lost(self, node: str) -> set[K]:
        """A node is gone, with the notes on it and its edges; return the objects that must be looked at again."""
        objects = set(self._objects_on.get(node, ()))
        for key in objects:
            self._remember(key, _without(self._published[key], node))
        return objects

    def _state(self, batch: Batch, node: str) -> None:
        """Write what all objects together say of a node: of two values the later object's, lists joined."""
        put, noted, metadata = False, False, Metadata()
        for key in self._objects_on.get(node, ()):
            published = self._published[key]
            for said in (published.nodes.get(node), published.notes.get(node)):
                metadata = metadata if said is None else _joined(metadata, said)
            put, noted = put or node in published.nodes, noted or node in published.notes
        if put:
            batch.put_node(node, self._owner, metadata, host=self._host)
        elif noted:
            batch.annotate(node, self._owner, metadata)
        else:
            batch.drop_layer(node, self._owner)

    def _is_stated(self, edge: str, child: str) -> bool:
        return any(edge in self._published[key].edges for key in self._objects_on.get(child, ()))

    def _remember(self, key: K, new: Contribution) -> None:
        before, after = _mentioned(self._published.get(key, _NOTHING)), _mentioned(new)
        for node in before - after:
            objects = self._objects_on[node]
            del objects[key]
            if not objects:
                del self._objects_on[node]
        for node in after - before:
            self._objects_on.setdefault(node, {})[key] = None
        if after:
            self._published[key] = new
        else:
            self._published.pop(key, None)


_NOTHING: Final = Contribution()


def _mentioned(contribution: Contribution) -> set[str]:
    ends = (end for edge in contribution.edges.values() for end in edge[:2])
    return {*contribution.nodes, *contribution.notes, *ends}


def _without(contribution: Contribution, node: str) -> Contribution:
    return Contribution(
        {name: said for name, said in contribution.nodes.items() if name != node},
        {name: said for name, said in contribution.notes.items() if name != node},
        {name: edge for name, edge in contribution.edges.items() if node not in edge[:2]},
    )


def _joined(metadata: Metadata, said: Metadata) -> Metadata:
    found = {**metadata, **said}
    for key in metadata.keys() & said.keys():
        first, second = metadata[key], said[key]
        if isinstance(first, list) and isinstance(second, list):
            found[key] = [*first, *second]
    return found
