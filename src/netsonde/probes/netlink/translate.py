# SPDX-License-Identifier: Apache-2.0
"""An interface's state as node metadata and edges. Pure.

Writes: the keys of docs/reference/topology.md, section "Interfaces"; a key without a source is absent, so that what
the kernel no longer says disappears from the node.
"""

from dataclasses import dataclass, field
from typing import Final

from netsonde.graph.batch import OWNERSHIP
from netsonde.model.elements import Json, Metadata
from netsonde.probes.netlink.bridge_vlans import vlan_metadata
from netsonde.probes.netlink.kinds import mac_text
from netsonde.probes.netlink.links import Link
from netsonde.probes.netlink.names import DRIVERS, ENCAP_TYPE, LINK_FLAGS, OPERSTATE, PAIR_KINDS, TYPES, pick, words
from netsonde.probes.netlink.routes import routing_tables
from netsonde.probes.netlink.state import NamespaceState
from netsonde.probes.netlink_wire import AF_INET, AF_INET6

IFF_LOOPBACK: Final = 0x8
OVS_DATAPATH: Final = "ovs-system"
Key = tuple[int, int]
"""An interface on this host: inode of its namespace, ifindex."""


@dataclass(frozen=True, slots=True)
class Driver:
    """What ethtool says of a device that no software made."""

    driver: str = ""
    bus: str = ""
    speed: int = 0
    """Mb/s, 0 = not known."""
    duplex: str = ""
    firmware: str = ""
    features: Metadata = field(default_factory=dict)
    """Offloads by name, whether they are active."""
    rings: Metadata = field(default_factory=dict)
    channels: Metadata = field(default_factory=dict)
    physical: str = ""
    """Bus address of the hardware of which it is a virtual function, "" for none."""
    function: int = 0
    """Which of its virtual functions it is."""
    pci: Metadata = field(default_factory=dict)
    """What its PCI device is."""
    numa_node: int = -1
    """NUMA node that it is near, -1 = not known."""


@dataclass(frozen=True, slots=True)
class Peer:
    """The other end or the device below, where its namespace is known."""

    key: Key
    namespace: str
    """Name of its namespace, "" for the agent's own."""


def interface_metadata(
    state: NamespaceState, link: Link, *, driver: Driver | None = None, peer: Peer | None = None
) -> Metadata:
    """Return the whole truth of the netlink probe about one interface."""
    metadata: Metadata = {
        "Name": link.name,
        "Type": TYPES.get(link.kind, link.kind),
        "IfIndex": link.ifindex,
        "EncapType": ENCAP_TYPE.get(link.encap, f"unknown{link.encap}"),
        "State": pick(OPERSTATE, link.operstate),
        "LinkFlags": list(words(link.flags, LINK_FLAGS)),
        **link.facts,
    }
    if link.mac:
        metadata["MAC"] = mac_text(link.mac)
    if link.mtu:
        metadata["MTU"] = link.mtu
    if link.master:
        metadata["MasterIndex"] = link.master
    if link.functions:
        metadata["Vfs"] = [*link.functions]
    metadata |= link.slave
    master = state.links.get(link.master, link)
    if master.filters_vlans:
        metadata |= vlan_metadata(state.vlans.of(link.ifindex))
    _add_driver(metadata, link, driver)
    _add_relation(metadata, link, peer)
    _add_addresses(metadata, state, link.ifindex)
    _add_tables(metadata, state, link.ifindex)
    return metadata


def _add_driver(metadata: Metadata, link: Link, driver: Driver | None) -> None:
    if driver is not None:
        metadata["Driver"] = driver.driver
        metadata["BusInfo"] = driver.bus or link.bus
        more: Metadata = {
            "Speed": driver.speed,
            "Duplex": driver.duplex if driver.speed else "",
            "FirmwareVersion": driver.firmware,
            "Features": driver.features,
            "Rings": driver.rings,
            "Channels": driver.channels,
            "PCI": driver.pci,
        }
        metadata.update((key, value) for key, value in more.items() if value)
        if driver.numa_node >= 0:
            metadata["NumaNode"] = driver.numa_node
        if driver.physical:
            metadata["VfID"] = driver.function
    elif link.kind or link.flags & IFF_LOOPBACK:
        metadata["Driver"] = DRIVERS.get(link.kind) or link.kind
        metadata["BusInfo"] = link.bus


def _add_relation(metadata: Metadata, link: Link, peer: Peer | None) -> None:
    if link.link:
        metadata["PeerIfIndex" if link.kind in PAIR_KINDS else "ParentIndex"] = link.link
    if link.link_nsid is not None and link.link_nsid >= 0:
        metadata["LinkNetNsID"] = link.link_nsid
        if peer is not None and peer.namespace:
            metadata["LinkNetNsName"] = peer.namespace


def _add_addresses(metadata: Metadata, state: NamespaceState, ifindex: int) -> None:
    addresses = state.addresses(ifindex)
    for key, family in (("IPV4", AF_INET), ("IPV6", AF_INET6)):
        shown: list[Json] = [*dict.fromkeys(address.prefix for address in addresses if address.family == family)]
        if shown:
            metadata[key] = shown


def _add_tables(metadata: Metadata, state: NamespaceState, ifindex: int) -> None:
    routes = state.routes.of(ifindex)
    if routes:
        metadata["RoutingTables"] = routing_tables(routes.values(), ifindex)
    for key, table in (("Neighbors", state.neighbours), ("FDB", state.fdb)):
        entries = table.of(ifindex)
        if entries:
            metadata[key] = [entries[key].metadata() for key in sorted(entries)]
    metadata |= state.programs.metadata(ifindex)
    for key, omitted in (
        ("RoutesOmitted", state.routes.omitted(ifindex)),
        ("NeighborsOmitted", state.neighbours.omitted(ifindex)),
        ("FDBOmitted", state.fdb.omitted(ifindex)),
    ):
        if omitted:
            metadata[key] = omitted


def ownership() -> Metadata:
    return {"RelationType": OWNERSHIP}


def layer2(kind: str = "") -> Metadata:
    """Return the metadata of a link edge; `kind` tells a veth pair or a VLAN from a master's port."""
    return {"RelationType": "layer2", "Type": kind} if kind else {"RelationType": "layer2"}


def virtual_function() -> Metadata:
    return {"RelationType": "vf"}


def shows_master(master: Link | None) -> bool:
    """Whether being a slave of it is a link: the OVS kernel datapath is no bridge, OVSDB says what is."""
    return master is not None and master.name != OVS_DATAPATH


def is_pair_child(mine: Key, other: Key) -> bool:
    """Whether this end of a pair is the edge's child: the one with the lower index, as in the reference."""
    return (mine[1], mine[0]) < (other[1], other[0])
