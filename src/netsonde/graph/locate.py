# SPDX-License-Identifier: Apache-2.0
"""Where the network device behind a node is: which namespace of its host, which ifindex."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from netsonde.graph.batch import OWNERSHIP, relation_type
from netsonde.model.elements import Edge, Node


class Owners(Protocol):
    """The part of a graph that tells who owns what."""

    def node(self, node_id: str) -> Node | None: ...
    def in_edges(self, node_id: str) -> Iterable[Edge]: ...


@dataclass(frozen=True, slots=True)
class Location:
    """A network device of a host; `netns` is the inode of its namespace, None = the agent's own."""

    netns: int | None
    ifindex: int


def locate(graph: Owners, node: Node) -> Location | None:
    """Return the device behind a node, None when it has none or its namespace is not known (yet).

    Anything with an IfIndex is a device, whatever its Type.
    """
    ifindex = node.metadata.get("IfIndex")
    if isinstance(ifindex, bool) or not isinstance(ifindex, int) or ifindex <= 0:
        return None
    above, seen = node, {node.id}
    while True:
        kind = above.metadata.get("Type")
        if kind == "host":
            return Location(None, ifindex)
        if kind == "netns":
            inode = above.metadata.get("Inode")
            return Location(inode, ifindex) if isinstance(inode, int) and inode > 0 else None
        owner = owner_of(graph, above.id)
        if owner is None or owner.id in seen:
            return None
        seen.add(owner.id)
        above = owner


def owner_of(graph: Owners, node_id: str) -> Node | None:
    """Return the node that owns this one; ownership is a tree, so there is one at most."""
    for edge in graph.in_edges(node_id):
        if relation_type(edge.metadata) == OWNERSHIP:
            return graph.node(edge.parent)
    return None
