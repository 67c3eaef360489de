# SPDX-License-Identifier: Apache-2.0
"""From a domain to what it contributes to the graph. Pure, but for reading the graph."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol
from uuid import UUID

from netsonde.graph.batch import OWNERSHIP
from netsonde.model.elements import Json, Metadata, Node
from netsonde.probes.contributions import Contribution
from netsonde.probes.identity import Identity
from netsonde.probes.libvirt.domain_xml import Card, Description

VLAYER2: Final = "vlayer2"
RUNNING: Final = frozenset({"UP", "BLOCKED", "PAUSED", "PMSUSPENDED"})
"""States in which the devices that the description names are the machine's."""


@dataclass(frozen=True, slots=True)
class Machine:
    """A domain as it was read last."""

    uuid: UUID
    name: str
    state: str
    description: Description
    addresses: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Addresses in the guest by MAC, as `address/prefix`."""


class Devices(Protocol):
    def nodes_with(self, path: str, value: Json) -> Collection[Node]: ...


class Translator:
    """Finds the devices of machines among the nodes that there are."""

    def __init__(self, devices: Devices, identity: Identity, own_netns: int) -> None:
        self._devices = devices
        self._identity = identity
        self._own = own_netns
        self.netns = own_netns
        """Inode of the daemon's namespace, in which machines have their interfaces."""

    def contribution(self, machine: Machine) -> Contribution:
        """Return the machine's node and edges, notes on its interfaces, and nodes of devices that only it has."""
        found = Contribution()
        node = self._identity.machine(str(machine.uuid))
        found.nodes[node] = _machine(machine)
        found.link(self._home(), node, OWNERSHIP)
        if machine.state in RUNNING:
            for number, card in enumerate(machine.description.cards):
                self._add_card(found, node, machine, number, card)
        return found

    def _home(self) -> str:
        return self._identity.host() if self.netns == self._own else self._identity.netns(self.netns)

    def _add_card(self, found: Contribution, node: str, machine: Machine, number: int, card: Card) -> None:
        device = self._device(card)
        note = _note(machine, number, card)
        if device is not None:
            found.notes[device] = note
        elif card.host_pci:
            # What is passed through to a guest has no interface on this host any more.
            device = self._identity.row("pci", card.host_pci)
            passed: Metadata = {"Type": "device", "Driver": "pci-passthrough", "BusInfo": card.host_pci}
            found.nodes[device] = {"Name": f"pci-{card.host_pci}", **passed, **note}
            found.link(self._home(), device, OWNERSHIP)
        if device is not None:
            found.link(device, node, VLAYER2)

    def _device(self, card: Card) -> str | None:
        if card.host_pci:
            nodes = [node for node in self._devices.nodes_with("BusInfo", card.host_pci) if "IfIndex" in node.metadata]
            return nodes[0].id if len(nodes) == 1 else None
        if card.device:
            return self._interface(card.device)
        if card.kind == "vhostuser" and card.source:
            # Those without a host are ports of another host's switch.
            ports = self._devices.nodes_with("Ovs.Options.vhost-server-path", card.source)
            nodes = [node for node in ports if node.host]
            return nodes[0].id if len(nodes) == 1 else None
        return None

    def _interface(self, name: str) -> str | None:
        """Return the interface of a name: in the daemon's namespace, the agent's, or the only one that there is."""
        nodes = {node.id: node for node in self._devices.nodes_with("Name", name) if _is_interface(node)}
        for where in (self.netns, self._own):
            for node in nodes.values():
                ifindex = node.metadata.get("IfIndex")
                netns = None if where == self._own else where
                if isinstance(ifindex, int) and node.id == self._identity.interface(netns, ifindex):
                    return node.id
        return next(iter(nodes)) if len(nodes) == 1 else None


def names_of(machine: Machine) -> Iterator[str]:
    """Yield the names and addresses by which devices of the machine are found."""
    for card in machine.description.cards:
        yield from (name for name in (card.device, card.host_pci, card.source) if name)


def _is_interface(node: Node) -> bool:
    """Whether it can be a card's other end: ports and bridges of Open vSwitch are called like their interfaces."""
    kind = node.metadata.get("Type")
    return "IfIndex" in node.metadata or (isinstance(kind, str) and kind.startswith("dpdk"))


def _machine(machine: Machine) -> Metadata:
    described = machine.description
    vm: Metadata = {
        "UUID": str(machine.uuid),
        "Name": machine.name,
        "Title": described.title,
        "CPUs": described.cpus or None,
        "Memory": described.memory or None,
        "Project": (described.nova or {}).get("Project"),
        "NICs": [_nic(machine, number, card) for number, card in enumerate(described.cards) if card.kind != "pci"],
    }
    found: Metadata = {"Type": "libvirt", "Name": machine.name, "State": machine.state, "VM": _said(vm)}
    return found if described.nova is None else {**found, "Nova": described.nova}


def _nic(machine: Machine, number: int, card: Card) -> Json:
    return _said(
        {
            "Index": number,
            "Kind": card.kind,
            "MAC": card.mac,
            "Model": card.model,
            "Device": card.device if machine.state in RUNNING else "",
            "Source": card.source or card.host_pci,
            "PortID": card.port,
            "BusInfo": card.guest_pci,
            "Link": card.link.upper(),
            "Addresses": list(machine.addresses.get(card.mac, ())),
        }
    )


def _note(machine: Machine, number: int, card: Card) -> Metadata:
    libvirt: Metadata = {"MAC": card.mac, "Domain": machine.name, "Alias": card.alias, "BusInfo": card.guest_pci}
    if card.guest_pci:
        libvirt["BusType"] = "pci"
    vm: Metadata = {"UUID": str(machine.uuid), "Name": machine.name}
    found: Metadata = {"Libvirt": _said(libvirt)}
    if card.kind == "pci":
        return {**found, "VM": vm}
    vm |= {"NICIndex": number, "MAC": card.mac, "Addresses": list(machine.addresses.get(card.mac, ()))}
    if card.mac:
        found["PeerIntfMAC"] = card.mac
    return {**found, "VM": _said(vm)}


def _said(metadata: Metadata) -> Metadata:
    """Leave out what was not said."""
    return {key: value for key, value in metadata.items() if value not in ("", None, [])}
