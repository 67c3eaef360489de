# SPDX-License-Identifier: Apache-2.0
"""From a process that holds taps to what it contributes to the graph. Pure, but for reading the graph."""

from collections.abc import Collection, Iterator
from typing import Protocol

from netsonde.graph.batch import OWNERSHIP
from netsonde.model.elements import Json, Metadata, Node
from netsonde.probes.contributions import Contribution
from netsonde.probes.identity import Identity
from netsonde.probes.qemu.command_line import Machine, Nic, read_command_line
from netsonde.probes.qemu.taps import Holder

VLAYER2 = "vlayer2"


class Devices(Protocol):
    def nodes_with(self, path: str, value: Json) -> Collection[Node]: ...


class Translator:
    """Finds the devices of holders among the nodes that there are."""

    def __init__(self, devices: Devices, identity: Identity, own_netns: int) -> None:
        self._devices = devices
        self._identity = identity
        self._own = own_netns

    def contribution(self, holder: Holder) -> Contribution:
        """Return the machine's node and edges, and notes on its devices; of another process only the latter."""
        found = Contribution()
        machine = read_command_line(holder.arguments)
        devices = dict(self._held(holder))
        process: Metadata = {"Processes": [{"Pid": holder.pid, "Name": holder.name}]}
        found.notes = {node: {**process} for node in devices.values()}
        if machine is not None:
            self._add_machine(found, holder, machine, devices)
        return found

    def _add_machine(self, found: Contribution, holder: Holder, machine: Machine, devices: dict[int, str]) -> None:
        node = self._identity.machine(machine.uuid or f"pid-{holder.pid}")
        facts: Metadata = {"PID": holder.pid, **_identity_of(machine)}
        found.nodes[node] = {
            "Type": "libvirt" if machine.by_libvirt else "vm",
            "Name": machine.name or f"{holder.name}-{holder.pid}",
            "State": "UP",
            "VM": facts,
        }
        found.link(self._home(holder), node, OWNERSHIP)
        for device in devices.values():
            found.link(device, node, VLAYER2)
        for number, nic in enumerate(machine.nics):
            for device in self._joined(holder, nic, devices):
                found.notes[device] |= _note(machine, number, nic)

    def _home(self, holder: Holder) -> str:
        if holder.netns in (0, self._own):
            return self._identity.host()
        return self._identity.netns(holder.netns)

    def _held(self, holder: Holder) -> Iterator[tuple[int, str]]:
        """Yield descriptor and node of each device that is in the graph."""
        for fd, name in holder.names.items():
            node = self._named(name, holder.netns)
            if node is not None:
                yield fd, node
        for fd, ifindex in holder.indexes.items():
            yield fd, self._interface(holder.netns, ifindex)

    def _named(self, name: str, netns: int) -> str | None:
        """Return the device of a name: in the namespace of its holder, else the agent's, else the only one there is."""
        devices = {node.id: node for node in self._devices.nodes_with("Name", name) if _is_tap(node)}
        for where in (netns, self._own):
            for node in devices.values():
                ifindex = node.metadata.get("IfIndex")
                if isinstance(ifindex, int) and node.id == self._interface(where, ifindex):
                    return node.id
        return next(iter(devices)) if len(devices) == 1 else None

    def _interface(self, netns: int, ifindex: int) -> str:
        return self._identity.interface(None if netns in (0, self._own) else netns, ifindex)

    def _joined(self, holder: Holder, nic: Nic, devices: dict[int, str]) -> set[str]:
        """Return the devices of one card: by descriptor, by name, or the only one that there is."""
        if nic.fds:
            return {devices[fd] for fd in nic.fds if fd in devices}
        if nic.ifname:
            return {devices[fd] for fd, name in holder.names.items() if name == nic.ifname and fd in devices}
        return set()


def _identity_of(machine: Machine) -> Metadata:
    found: Metadata = {"UUID": machine.uuid, "Name": machine.name}
    return {key: value for key, value in found.items() if value}


def _note(machine: Machine, number: int, nic: Nic) -> Metadata:
    vm: Metadata = {**_identity_of(machine), "NICIndex": number}
    if nic.mac:
        return {"VM": {**vm, "MAC": nic.mac}, "PeerIntfMAC": nic.mac}
    return {"VM": vm}


def _is_tap(node: Node) -> bool:
    return node.metadata.get("TunMode") is not None or node.metadata.get("Driver") == "tun"
