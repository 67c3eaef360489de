# SPDX-License-Identifier: Apache-2.0
"""The rows as a switch: which bridge a port is on, which interfaces depend on which row, what each contributes. Pure,
but for reading the graph through `find_device`."""

from collections.abc import Iterator

from netsonde.graph.batch import OWNERSHIP
from netsonde.graph.ids import join_id
from netsonde.model.elements import Json, Metadata
from netsonde.probes.contributions import Contribution
from netsonde.probes.identity import Identity
from netsonde.probes.ovsdb.columns import REFERENCES, SHOWN
from netsonde.probes.ovsdb.hybrid import tap_name, tap_note
from netsonde.probes.ovsdb.match import NodesByName, find_device
from netsonde.probes.ovsdb.monitor import Row, RowKey
from netsonde.probes.ovsdb.rows import has_netdev, members, patch_peer, text
from netsonde.probes.ovsdb.translate import (
    bridge_metadata,
    datapath_metadata,
    elsewhere_metadata,
    interface_metadata,
    interface_note,
    port_metadata,
    system_metadata,
)

DATABASE = "Open_vSwitch"
PROBE = "ovsdb"
"""Value of `Probe` on nodes that belong to no host: it makes their id their TID."""
DATAPATH_DEVICE = "ovs-system"
LAYER2 = "layer2"


class References:
    """Where rows are referred to: rebuilt for the rows that changed."""

    def __init__(self) -> None:
        self.owner: dict[str, str] = {}
        """Bridge of each port, port of each interface."""
        self._members: dict[str, tuple[str, ...]] = {}
        self._by_name: dict[str, set[str]] = {}
        self._names: dict[str, tuple[str, ...]] = {}
        self._hanging: dict[RowKey, frozenset[str]] = {}
        self._users: dict[str, set[RowKey]] = {}

    def set_members(self, uuid: str, found: list[str]) -> set[str]:
        """Note what a bridge or port consists of; return the rows that joined or left."""
        before = self._members.get(uuid, ())
        for gone in set(before) - set(found):
            if self.owner.get(gone) == uuid:
                del self.owner[gone]
        for member in found:
            self.owner[member] = uuid
        if found:
            self._members[uuid] = tuple(found)
        else:
            self._members.pop(uuid, None)
        return set(before) ^ set(found)

    def members(self, uuid: str) -> tuple[str, ...]:
        return self._members.get(uuid, ())

    def set_names(self, uuid: str, names: tuple[str, ...]) -> set[str]:
        """Note the names that concern an interface, such as its own and its patch peer's; return old and new ones."""
        # Nothing keeps a patch port from naming itself as its peer.
        names = tuple(dict.fromkeys(names))
        before = self._names.get(uuid, ())
        for name in before:
            self._by_name[name].discard(uuid)
            if not self._by_name[name]:
                del self._by_name[name]
        for name in names:
            self._by_name.setdefault(name, set()).add(uuid)
        if names:
            self._names[uuid] = names
        else:
            self._names.pop(uuid, None)
        return {*before, *names}

    def set_hanging(self, key: RowKey, rows: frozenset[str]) -> None:
        """Note the rows of other tables that this one tells of; several may tell of the same."""
        before = self._hanging.get(key, frozenset())
        for gone in before - rows:
            self._users[gone].discard(key)
            if not self._users[gone]:
                del self._users[gone]
        for uuid in rows - before:
            self._users.setdefault(uuid, set()).add(key)
        if rows:
            self._hanging[key] = rows
        else:
            self._hanging.pop(key, None)

    def users(self, uuid: str) -> set[RowKey]:
        """Return the rows with a node that tell of this one, such as the ports of a queue through their QoS."""
        found: set[RowKey] = set()
        ahead = [uuid]
        while ahead:
            # Each row once: one that refers to itself must not make us go round.
            fresh = self._users.get(ahead.pop(), set()) - found
            found |= fresh
            ahead += [other for _, other in fresh]
        return {key for key in found if key[0] in SHOWN}

    def concerned(self, name: str) -> set[str]:
        """Return the interfaces whose own or peer's name this is."""
        return set(self._by_name.get(name, ()))


def _referred(table: str, row: Row) -> Iterator[str]:
    """Yield the UUIDs of hanging rows to which a row refers."""
    for column in REFERENCES[table]:
        value = row.get(column, ())
        yield from value.values() if isinstance(value, dict) else map(str, value)


class Switch:
    """Says what each row contributes to the graph."""

    def __init__(self, rows: dict[str, dict[str, Row]], graph: NodesByName, identity: Identity) -> None:
        self._rows = rows
        self._graph = graph
        self._identity = identity
        self.references = References()
        self.elsewhere = ""
        """Where the database of another host's switch is read, "" for this host's.

        Nodes of another's have no host, are the same for all agents that read it there, and are no devices of this one.
        """
        self.threads: list[Json] = []
        """Polling threads of the userspace datapath, which the database does not know."""

    def affected(self, key: RowKey) -> set[RowKey]:
        """Return the rows with a contribution that may differ because this one changed, itself included."""
        table, uuid = key
        row = self._rows[table].get(uuid, {})
        if table in REFERENCES:
            self.references.set_hanging(key, frozenset(_referred(table, row)))
        if table not in SHOWN:
            return self.references.users(uuid)
        found = {key}
        if table == "Bridge":
            ports = self.references.set_members(uuid, members(row, "ports"))
            found |= {("Port", port) for port in ports}
            found |= {("Interface", member) for port in ports for member in self.references.members(port)}
        elif table == "Port":
            joined = self.references.set_members(uuid, members(row, "interfaces"))
            found |= {("Interface", member) for member in joined}
        elif table == "Open_vSwitch" and not self.is_here:
            found |= {("Bridge", bridge) for bridge in self._rows["Bridge"]}
        elif table == "Interface":
            names = tuple(name for name in (text(row, "name"), patch_peer(row), tap_name(row)) if name)
            for name in self.references.set_names(uuid, names):
                found |= {("Interface", other) for other in self.references.concerned(name)}
        return found

    @property
    def is_here(self) -> bool:
        return not self.elsewhere

    @property
    def has_userspace_datapath(self) -> bool:
        return self.is_here and any(text(row, "datapath_type") == "netdev" for row in self._rows["Bridge"].values())

    def named(self, name: str) -> set[RowKey]:
        """Return the rows that a device of this name concerns."""
        found = {("Interface", uuid) for uuid in self.references.concerned(name)}
        if name == DATAPATH_DEVICE:
            found |= {("Open_vSwitch", uuid) for uuid in self._rows["Open_vSwitch"]}
        return found

    def waits(self, uuid: str) -> bool:
        """Whether an interface has a device that is not known yet, and is not known to be impossible either."""
        row = self._rows["Interface"].get(uuid)
        if row is None or not self.is_here or not has_netdev(row) or text(row, "error"):
            return False
        return self._device(row) is None

    def contribution(self, key: RowKey, *, waiting: bool) -> Contribution:
        """Return what a row contributes; `waiting`: its device is still being waited for."""
        table, uuid = key
        row = self._rows[table].get(uuid)
        if row is None:
            return Contribution()
        if table == "Bridge":
            return self._bridge(uuid, row)
        if table == "Port":
            return self._port(uuid, row)
        return self._interface(uuid, row, waiting) if table == "Interface" else self._system(uuid, row)

    def node_id(self, uuid: str) -> str:
        """Return the id of the node that is made from a row."""
        # The address too: hosts that were made from one image have the same rows.
        return self._identity.row(DATABASE, uuid) if self.is_here else join_id(DATABASE, self.elsewhere, uuid)

    def _owner(self) -> str | None:
        """Return the node that bridges belong to: the host, or the switch that is another host's."""
        if self.is_here:
            return self._identity.host()
        return next(map(self.node_id, self._rows["Open_vSwitch"]), None)

    def _device(self, row: Row) -> str | None:
        return find_device(self._graph, self._identity, row) if self.is_here else None

    def _system(self, uuid: str, row: Row) -> Contribution:
        if not self.is_here:
            return Contribution(nodes={self.node_id(uuid): self._shared(elsewhere_metadata(uuid, row, self._rows))})
        found = Contribution(notes={self._identity.host(): system_metadata(row, self._rows, self.threads)})
        for node in self._graph.nodes_with("Name", DATAPATH_DEVICE):
            ifindex = node.metadata.get("IfIndex")
            if isinstance(ifindex, int) and node.id == self._identity.interface(None, ifindex):
                found.notes[node.id] = datapath_metadata(row)
        return found

    def _bridge(self, uuid: str, row: Row) -> Contribution:
        found = Contribution(nodes={self.node_id(uuid): self._shared(bridge_metadata(uuid, row, self._rows))})
        owner = self._owner()
        if owner is not None:
            found.link(owner, self.node_id(uuid), OWNERSHIP)
        return found

    def _port(self, uuid: str, row: Row) -> Contribution:
        found = Contribution(nodes={self.node_id(uuid): self._shared(port_metadata(uuid, row, self._rows))})
        bridge = self.references.owner.get(uuid)
        if bridge is not None:
            found.link(self.node_id(bridge), self.node_id(uuid), OWNERSHIP)
            found.link(self.node_id(bridge), self.node_id(uuid), LAYER2)
        return found

    def _interface(self, uuid: str, row: Row, waiting: bool) -> Contribution:
        device = self._device(row)
        found = Contribution()
        if device is not None:
            found.notes[device] = interface_note(uuid, row)
            self._note_tap(found, row)
        elif waiting:
            return found
        else:
            found.nodes[self.node_id(uuid)] = self._shared(interface_metadata(uuid, row, is_here=self.is_here))
        node = device or self.node_id(uuid)
        port = self.references.owner.get(uuid)
        if port is not None:
            found.link(self.node_id(port), node, LAYER2)
            bridge = self.references.owner.get(port)
            if bridge is not None and device is None:
                found.link(self.node_id(bridge), node, OWNERSHIP)
        self._link_patch(found, uuid, row)
        return found

    def _shared(self, metadata: Metadata) -> Metadata:
        return metadata if self.is_here else {**metadata, "Probe": PROBE}

    def _note_tap(self, found: Contribution, row: Row) -> None:
        behind = tap_note(self._graph, self._identity, row)
        if behind is not None:
            found.notes[behind[0]] = behind[1]

    def _link_patch(self, found: Contribution, uuid: str, row: Row) -> None:
        """Join a pair of patch ports once, in the contribution of the one whose name comes later."""
        mine, peer = text(row, "name"), patch_peer(row)
        if not peer or peer > mine:
            return
        for other in self.references.concerned(peer) - {uuid}:
            row_of_other = self._rows["Interface"].get(other, {})
            if text(row_of_other, "name") == peer and patch_peer(row_of_other) == mine:
                found.link(self.node_id(other), self.node_id(uuid), LAYER2, "patch")
