# SPDX-License-Identifier: Apache-2.0
"""Interfaces into the graph: for each one that changed, its node and edges as they are now, differences only.

It remembers what it published, also over a restart of the probe, so that the graph becomes equal to the kernel without
deleting what is still there.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from netsonde.graph.batch import Batch
from netsonde.graph.ids import edge_id
from netsonde.model.elements import Metadata
from netsonde.probes.identity import Identity
from netsonde.probes.netlink.links import Link
from netsonde.probes.netlink.names import PAIR_KINDS
from netsonde.probes.netlink.peers import PeerResolver
from netsonde.probes.netlink.state import NamespaceState
from netsonde.probes.netlink.translate import (
    Driver,
    Key,
    Peer,
    interface_metadata,
    is_pair_child,
    layer2,
    ownership,
    shows_master,
    virtual_function,
)

OWNER = "netlink"


@dataclass(slots=True)
class _Published:
    """What the graph holds of one interface: its node, and the edges of which it is the child, by id."""

    metadata: Metadata | None = None
    stated: list[tuple[str, Metadata]] = field(default_factory=list)
    """The edges as they were found last: parent, metadata."""
    edges: dict[str, tuple[str, Metadata]] = field(default_factory=dict)


class InterfacePublisher:
    """Turns changed interfaces into operations of a batch."""

    def __init__(self, identity: Identity, own_inode: int, name_of: Callable[[int], str]) -> None:
        self._identity = identity
        self._own = own_inode
        self._name_of = name_of
        self._published: dict[Key, _Published] = {}
        self._children: dict[str, set[Key]] = {}
        self._ids: dict[Key, str] = {}
        self._rules: dict[int, Metadata] = {}

    def __len__(self) -> int:
        return len(self._published)

    def node_id(self, key: Key) -> str:
        known = self._ids.get(key)
        if known is None:
            known = self._ids[key] = self._identity.interface(None if key[0] == self._own else key[0], key[1])
        return known

    def known(self, key: Key) -> bool:
        return key in self._published

    def of_namespace(self, inode: int) -> list[Key]:
        return [key for key in self._published if key[0] == inode]

    def children(self, key: Key) -> set[Key]:
        """Return those that have an edge from an interface."""
        return set(self._children.get(self._ids.get(key, ""), ()))

    def namespaces(self) -> set[int]:
        return {inode for inode, _ in self._published}

    def distrust(self) -> None:
        """Forget what the nodes and edges look like, but not that they exist: all are stated anew."""
        for published in self._published.values():
            published.metadata, published.stated = None, []

    def remove(self, batch: Batch, key: Key) -> set[Key]:
        """Take an interface away; return those that had an edge from it and must be looked at again."""
        gone = self._published.pop(key, None)
        if gone is None:
            return set()
        for parent, _ in gone.edges.values():
            self._children.get(parent, set()).discard(key)
        node = self.node_id(key)
        del self._ids[key]
        batch.drop_layer(node, OWNER)
        touched = self._children.pop(node, set())
        for child in touched:
            published = self._published.get(child)
            if published is not None:
                published.stated = []
                published.edges = {known: edge for known, edge in published.edges.items() if edge[0] != node}
        return touched

    def put(self, batch: Batch, key: Key, state: NamespaceState, peers: PeerResolver, driver: Driver | None) -> None:
        """State an interface that exists."""
        link = state.links[key[1]]
        node = self.node_id(key)
        other = None
        if link.link:
            other = peers.peer(key, link) if link.kind in PAIR_KINDS else peers.below(key, link)
        metadata = interface_metadata(state, link, driver=driver, peer=self._peer(key, link, peers))
        published = self._published.setdefault(key, _Published())
        if published.metadata != metadata:
            batch.put_node(node, OWNER, metadata)
            published.metadata = metadata
        edges = self._edges(key, link, state, peers, other)
        if driver is not None:
            edges += self._hardware_edges(key, link, driver, peers)
        self._put_edges(batch, key, published, edges)

    def put_rules(self, batch: Batch, inode: int, rules: Metadata) -> None:
        """State the routing rules of a namespace on its node, or the host's; {} = the standard ones, not stated."""
        if self._rules.get(inode, {}) == rules:
            return
        node = self._owner(inode)
        if rules:
            self._rules[inode] = rules
            batch.annotate(node, OWNER, rules)
        else:
            del self._rules[inode]
            batch.drop_layer(node, OWNER)

    def forget_rules(self, inode: int) -> None:
        """A namespace is gone, with its node and what was stated on it."""
        self._rules.pop(inode, None)

    def _peer(self, key: Key, link: Link, peers: PeerResolver) -> Peer | None:
        inode = peers.namespace_of(key[0], link)
        return None if inode is None else Peer((inode, link.link), self._name_of(inode))

    def _edges(
        self, key: Key, link: Link, state: NamespaceState, peers: PeerResolver, other: Key | None
    ) -> list[tuple[str, Metadata]]:
        found = [(self._owner(key[0]), ownership())]
        if link.master:
            master = state.links.get(link.master)
            if master is None:
                peers.wait_for(key, link.master)
            elif shows_master(master):
                found.append((self.node_id((key[0], link.master)), layer2()))
        if other is not None and (link.kind not in PAIR_KINDS or is_pair_child(key, other)):
            found.append((self.node_id(other), layer2(link.kind)))
        return found

    def _hardware_edges(self, key: Key, link: Link, driver: Driver, peers: PeerResolver) -> list[tuple[str, Metadata]]:
        peers.functions.seen(key, (driver.bus or link.bus) if link.functions else "")
        physical = peers.functions.of(key, driver.physical) if driver.physical else None
        return [] if physical is None else [(self.node_id(physical), virtual_function())]

    def _owner(self, inode: int) -> str:
        return self._identity.host() if inode == self._own else self._identity.netns(inode)

    def _put_edges(self, batch: Batch, key: Key, published: _Published, stated: list[tuple[str, Metadata]]) -> None:
        if published.stated == stated:
            return
        node = self.node_id(key)
        edges = {
            edge_id(parent, node, str(metadata["RelationType"])): (parent, metadata) for parent, metadata in stated
        }
        for gone in published.edges.keys() - edges.keys():
            batch.delete_edge(gone)
        for found, (parent, metadata) in edges.items():
            if published.edges.get(found) != (parent, metadata):
                batch.put_edge(found, parent, node, OWNER, metadata)
                self._children.setdefault(parent, set()).add(key)
        published.stated, published.edges = stated, edges
