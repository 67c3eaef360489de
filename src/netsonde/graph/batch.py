# SPDX-License-Identifier: Apache-2.0
"""A batch: what one writer found out at one moment, applied to the graph all together or not at all.

Layers are named by their owner. A probe uses its own name; owners that begin with `user` or `computed` lie above all
probes, in that order. Metadata handed to a batch belongs to the graph from then on: nobody may change it in place.
"""

from dataclasses import dataclass

from netsonde.graph.ids import edge_id
from netsonde.model.elements import Json, Metadata

OWNERSHIP = "ownership"


@dataclass(frozen=True, slots=True)
class PutNode:
    id: str
    owner: str
    metadata: Metadata
    host: str | None


@dataclass(frozen=True, slots=True)
class Annotate:
    id: str
    owner: str
    metadata: Metadata


@dataclass(frozen=True, slots=True)
class DropLayer:
    id: str
    owner: str


@dataclass(frozen=True, slots=True)
class DeleteNode:
    id: str


@dataclass(frozen=True, slots=True)
class PutEdge:
    id: str
    parent: str
    child: str
    owner: str
    metadata: Metadata


@dataclass(frozen=True, slots=True)
class DeleteEdge:
    id: str
    owner: str | None


Operation = PutNode | Annotate | DropLayer | DeleteNode | PutEdge | DeleteEdge


class Batch:
    """Operations in the order in which they take effect; an element gets one revision however often it is named."""

    __slots__ = ("operations",)

    def __init__(self) -> None:
        self.operations: list[Operation] = []

    def __len__(self) -> int:
        return len(self.operations)

    def put_node(self, node_id: str, owner: str, metadata: Metadata, *, host: str | None = None) -> None:
        """State the whole truth of `owner` about a node, which comes to exist.

        Keys that `owner` stated before and leaves out now are gone. `host` "" marks an object that several hosts
        see, such as a switch; None is the graph's own host.
        """
        self.operations.append(PutNode(_named(node_id), _named(owner), metadata, host))

    def annotate(self, node_id: str, owner: str, metadata: Metadata) -> None:
        """State the whole truth of `owner` about a node that somebody else puts.

        Kept pending until the node exists, gone when the node goes.
        """
        self.operations.append(Annotate(_named(node_id), _named(owner), metadata))

    def drop_layer(self, node_id: str, owner: str) -> None:
        """Withdraw what `owner` said about a node; a node that nobody puts any more goes, with its edges."""
        self.operations.append(DropLayer(node_id, owner))

    def delete_node(self, node_id: str) -> None:
        """Remove a node, whoever put it, with its edges and annotations."""
        self.operations.append(DeleteNode(node_id))

    def put_edge(self, edge: str | None, parent: str, child: str, owner: str, metadata: Metadata) -> str:
        """State an edge and return its id; None = the id of parent, child and RelationType.

        It waits until both nodes exist, and goes with either. An edge of RelationType `ownership` replaces the one
        that owned the child before.
        """
        found = edge if edge is not None else edge_id(parent, child, relation_type(metadata))
        self.operations.append(PutEdge(_named(found), _named(parent), _named(child), _named(owner), metadata))
        return found

    def delete_edge(self, edge: str, owner: str | None = None) -> None:
        """Remove an edge, whoever put it; with `owner`, only what that one stated: it stays while others state it."""
        self.operations.append(DeleteEdge(edge, owner))


def relation_type(metadata: Metadata) -> str:
    """Return the RelationType of an edge's metadata, "" when it has none."""
    found: Json = metadata.get("RelationType")
    return found if isinstance(found, str) else ""


def _named(text: str) -> str:
    if not text:
        raise ValueError("ids and owners of graph elements must not be empty")
    return text
