# SPDX-License-Identifier: Apache-2.0
"""Interfaces into a graph: differences only, and nothing left behind."""

import itertools
from collections.abc import Callable, Mapping

from netsonde.graph.batch import Batch
from netsonde.graph.graph import Graph
from netsonde.probes import netlink_wire as wire
from netsonde.probes.identity import Identity
from netsonde.probes.netlink.links import Link
from netsonde.probes.netlink.peers import PeerResolver
from netsonde.probes.netlink.publisher import InterfacePublisher
from netsonde.probes.netlink.state import NamespaceState
from netsonde.probes.netlink.translate import Driver, Key
from unit.probes.netlink.traffic import Recording, link_message, lower, play, u32

OWN = 1


class Lab:
    """One namespace, published into a graph by hand."""

    def __init__(self) -> None:
        clock = itertools.count(1)
        self.graph = Graph("h1", "agent.h1", lambda: next(clock))
        self.identity = Identity("m1")
        self.state = NamespaceState(100)
        self.publisher = InterfacePublisher(self.identity, OWN, lambda inode: "")
        self.peers = PeerResolver(self, OWN)
        self.marked: set[Key] = set()
        self.drivers: dict[Key, Driver] = {}
        batch = Batch()
        batch.put_node(self.identity.host(), "host", {"Name": "h1", "Type": "host"})
        self.graph.apply(batch)

    def links(self, inode: int) -> Mapping[int, Link]:
        return self.state.links

    def ask_namespace_id(self, inode: int, other: int, answer: Callable[[int], None]) -> None:
        answer(-1)

    def refresh(self, key: Key) -> None: ...

    def mark(self, key: Key) -> None:
        self.marked.add(key)

    def flush(self) -> int:
        """Publish what changed; return the number of operations."""
        self.marked |= {(OWN, ifindex) for ifindex in self.state.changed | self.state.table_changed}
        self.state.changed, self.state.table_changed = set(), set()
        batch = Batch()
        while self.marked:
            marked, self.marked = self.marked, set()
            for key in sorted(marked):
                self._publish(batch, key)
        self.graph.apply(batch)
        return len(batch)

    def _publish(self, batch: Batch, key: Key) -> None:
        link = self.state.links.get(key[1])
        if link is None:
            self.marked |= self.publisher.remove(batch, key)
            self.peers.link_removed(key)
            return
        if not self.publisher.known(key):
            self.peers.link_added(key)
        self.peers.link_seen(key, link)
        self.publisher.put(batch, key, self.state, self.peers, self.drivers.get(key))

    def edges(self) -> set[tuple[object, object, object]]:
        name = {node.id: node.metadata["Name"] for node in self.graph.nodes()}
        return {
            (name[edge.parent], name[edge.child], edge.metadata.get("Type", edge.metadata["RelationType"]))
            for edge in self.graph.edges()
        }


def test_recorded_lab_becomes_nodes_and_edges() -> None:
    lab = Lab()
    Recording().play_dumps(lab.state)
    lab.flush()

    owned = {("h1", name, "ownership") for name in ("lo", "tap0", "v0", "v1", "br0", "mv0", "vx0")}
    assert lab.edges() == owned | {
        ("v0", "v1", "veth"),
        ("br0", "v0", "layer2"),
        ("v1", "mv0", "macvlan"),
        ("v1", "vx0", "vxlan"),
    }


def test_recorded_deletions_leave_the_host_and_what_was_there_before() -> None:
    lab = Lab()
    recording = Recording()
    recording.play_dumps(lab.state)
    lab.flush()
    play(lab.state, recording.later)
    lab.flush()
    assert lab.edges() == {("h1", "lo", "ownership"), ("h1", "tap0", "ownership")}


def test_unchanged_interface_is_not_published_again() -> None:
    lab = Lab()
    play(lab.state, [link_message(5, "v", "veth")])
    assert lab.flush() > 0
    lab.marked.add((OWN, 5))
    assert lab.flush() == 0


def test_slave_known_before_its_master_is_linked_when_that_appears() -> None:
    lab = Lab()
    play(lab.state, [link_message(5, "port", extra=wire.attribute(10, u32(9)))])
    lab.flush()
    play(lab.state, [link_message(9, "bond0", "bond")])
    lab.flush()
    assert ("bond0", "port", "layer2") in lab.edges()


def test_leaving_a_vrf_without_any_deletion_message_takes_the_edge_away() -> None:
    lab = Lab()
    play(lab.state, [link_message(9, "red", "vrf"), link_message(5, "port", extra=wire.attribute(10, u32(9)))])
    lab.flush()
    assert ("red", "port", "layer2") in lab.edges()
    play(lab.state, [link_message(5, "port")])
    lab.flush()
    assert ("red", "port", "layer2") not in lab.edges()


def test_vlan_finds_its_lower_device_again_after_that_was_made_anew() -> None:
    lab = Lab()
    vlan = link_message(5, "eth0.7", "vlan", wire.attribute(1, b"\x07\x00"), extra=lower(2))
    play(lab.state, [link_message(2, "eth0"), vlan])
    lab.flush()
    assert ("eth0", "eth0.7", "vlan") in lab.edges()
    play(lab.state, [link_message(2, "eth0", new=False)])
    lab.flush()
    play(lab.state, [link_message(2, "eth0")])
    lab.flush()
    assert ("eth0", "eth0.7", "vlan") in lab.edges()


def test_port_of_the_ovs_kernel_datapath_is_no_bridge_port() -> None:
    lab = Lab()
    messages = [
        link_message(9, "ovs-system", "openvswitch"),
        link_message(5, "tap0", "tun", extra=wire.attribute(10, u32(9))),
    ]
    play(lab.state, messages)
    lab.flush()
    assert ("ovs-system", "tap0", "layer2") not in lab.edges()
