# SPDX-License-Identifier: Apache-2.0
"""What devlink tells of devices: firmware, serial numbers, health, the mode of their switch, and what their ports are.

Source: generic netlink in the own namespace and in those that have ports (devlink/kernel.py), looked at every
        `probes.devlink.interval`, and when an interface that is a port comes.
Writes: `DevlinkDevices` on the nodes of the host and of namespaces; `Devlink` on the nodes of interfaces.
Needs:  the `netlink` probe for the interfaces; CAP_SYS_ADMIN to enter namespaces, CAP_NET_ADMIN for switches.
"""

import asyncio
import socket
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Final

from netsonde.errors import SourceLost, Unsupported, WireError
from netsonde.graph.events import Event
from netsonde.graph.locate import locate
from netsonde.model.elements import Metadata
from netsonde.observe import Health
from netsonde.probes._api import ProbeContext
from netsonde.probes.devlink.kernel import read_devices
from netsonde.probes.devlink.messages import Device, devices_metadata
from netsonde.probes.generic_netlink import open_socket
from netsonde.probes.namespaces import Namespace
from netsonde.probes.notes import Notes

PORT: Final = "DevlinkPort"
"""Key of the `netlink` probe: device and index of the port that an interface is."""
PAUSE: Final = 0.2
"""Least seconds between two looks: the ports of a card come together."""


class DevlinkProbe:
    """Keeps what is shown equal to the kernel's, one look late at most; `run` may be called again."""

    name = "devlink"
    needs = ("netlink",)

    def __init__(self, context: ProbeContext) -> None:
        self._context = context
        self._settings = context.settings.devlink
        self._notes: Notes[int] = Notes(self.name, context.graph)
        """By the inode of the namespace whose devices say so."""
        self._wanted = asyncio.Event()
        self._troubles: set[str] = set()
        context.graph.subscribe(self._graph_changed)

    async def run(self, health: Health) -> None:
        """Look at all devices again and again until cancelled."""
        while True:
            self._wanted.clear()
            try:
                await self._look()
            except Unsupported:
                health.running()
                await asyncio.Event().wait()  # it is no module: a kernel that has none will not get it
            health.count("looks")
            health.gauge("objects", len(self._notes))
            health.running("; ".join(sorted(self._troubles)))
            await asyncio.sleep(PAUSE)
            with suppress(TimeoutError):
                async with asyncio.timeout(max(PAUSE, self._settings.interval)):
                    await self._wanted.wait()

    def _graph_changed(self, events: Sequence[Event]) -> None:
        self._notes.forget(events)
        if any(PORT in event.touched for event in events if event.kind != "deleted"):
            self._wanted.set()

    async def _look(self) -> None:
        """Read and publish; Unsupported when the kernel has no devlink."""
        namespaces = self._namespaces()
        self._troubles = set()
        found: dict[int, list[Device]] = {}
        sources = await self._context.namespaces.enter_each(namespaces, open_socket, socket.socket.close)
        try:
            for namespace, source in zip(namespaces, sources, strict=True):
                devices = await self._read(namespace, source)
                if devices is not None:
                    found[namespace.inode] = devices
        finally:
            # Open, they would keep alive a namespace that nobody uses any more.
            for source in sources:
                if not isinstance(source, OSError):
                    source.close()
        unread = {namespace.inode for namespace in namespaces} - found.keys()
        self._notes.publish(dict(self._shown(found)), unread)

    async def _read(self, namespace: Namespace, source: socket.socket | OSError) -> list[Device] | None:
        """Return the devices, None when they cannot be read."""
        if isinstance(source, OSError):
            if self._context.namespaces.get(namespace.inode) is namespace:
                self._troubles.add("a namespace with devlink devices cannot be entered: run as root")
            return None
        try:
            devices, troubles = await asyncio.to_thread(read_devices, source)
        except (SourceLost, WireError) as failed:
            self._troubles.add(str(failed))
            return None
        self._troubles.update(troubles)
        return devices

    def _namespaces(self) -> list[Namespace]:
        """Return the own namespace, and those with interfaces that are ports."""
        graph, namespaces = self._context.graph, self._context.namespaces
        places = (locate(graph, node) for node in graph.nodes_having(PORT))
        inodes = {place.netns for place in places if place is not None and place.netns is not None}
        known = (namespaces.get(inode) for inode in sorted(inodes))
        return [namespaces.own, *(namespace for namespace in known if namespace is not None and not namespace.own)]

    def _shown(self, found: dict[int, list[Device]]) -> Iterator[tuple[str, tuple[int, Metadata]]]:
        """Yield what to show by node, with the namespace that it comes from."""
        identity, own = self._context.identity, self._context.namespaces.own.inode
        for inode, devices in found.items():
            shown = devices_metadata(devices, self._settings.limit)
            if shown:
                yield identity.host() if inode == own else identity.netns(inode), (inode, shown)
            for device in devices:
                for index in device.ports:
                    # An interface may be in another namespace than its device.
                    for node in self._context.graph.nodes_with(PORT, f"{device.name}/{index}"):
                        yield node.id, (inode, {"Devlink": device.port_metadata(index)})
