# SPDX-License-Identifier: Apache-2.0
"""Peers of WireGuard interfaces, in whatever namespaces they are; private and preshared keys are not kept.

Source: generic netlink in each namespace that has such interfaces (wireguard/kernel.py), looked at every
        `probes.wireguard.interval`, and when an interface comes, since the kernel tells nobody of changes.
Writes: `WireGuard` on the nodes of WireGuard interfaces.
Needs:  the `netlink` probe for the interfaces; CAP_NET_ADMIN and CAP_SYS_ADMIN in their namespaces.
"""

import asyncio
import socket
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Final

from netsonde.errors import SourceLost, WireError
from netsonde.graph.events import Event
from netsonde.graph.locate import locate
from netsonde.model.elements import Metadata
from netsonde.observe import Health
from netsonde.probes._api import ProbeContext
from netsonde.probes.generic_netlink import open_socket
from netsonde.probes.namespaces import Namespace
from netsonde.probes.notes import Notes
from netsonde.probes.wireguard.kernel import read_devices
from netsonde.probes.wireguard.messages import device_metadata

KIND: Final = "wireguard"
PAUSE: Final = 0.1
"""Least seconds between two looks: many interfaces may come together."""


class WireGuardProbe:
    """Keeps what is shown equal to the kernel's, one look late at most; `run` may be called again."""

    name = "wireguard"
    needs = ("netlink",)

    def __init__(self, context: ProbeContext) -> None:
        self._context = context
        self._settings = context.settings.wireguard
        self._notes: Notes[int] = Notes(self.name, context.graph)
        """On nodes of interfaces, by the inode of their namespace."""
        self._wanted = asyncio.Event()
        context.graph.subscribe(self._graph_changed)

    async def run(self, health: Health) -> None:
        """Look at all interfaces again and again until cancelled."""
        while True:
            self._wanted.clear()
            reason = await self._look()
            health.gauge("objects", len(self._notes))
            health.running(reason)
            await asyncio.sleep(PAUSE)
            with suppress(TimeoutError):
                async with asyncio.timeout(max(PAUSE, self._settings.interval)):
                    await self._wanted.wait()

    def _graph_changed(self, events: Sequence[Event]) -> None:
        self._notes.forget(events)
        if any(event.kind == "added" and event.element.metadata.get("Type") == KIND for event in events):
            self._wanted.set()

    async def _look(self) -> str:
        """Read and publish; return what is lacking."""
        interfaces = self._interfaces()
        if not interfaces:
            return ""
        namespaces = [namespace for namespace, _ in interfaces.values()]
        sources = await self._context.namespaces.enter_each(namespaces, open_socket, socket.socket.close)
        unread: set[int] = set()
        wanted: dict[str, tuple[int, Metadata]] = {}
        for (inode, (_, nodes)), source in zip(interfaces.items(), sources, strict=True):
            if isinstance(source, OSError):
                unread.add(inode)
                continue
            # Open, it would keep alive a namespace that nobody uses any more.
            with source:
                try:
                    found = await asyncio.to_thread(read_devices, source, list(nodes))
                except (SourceLost, WireError):
                    unread.add(inode)
                    continue
            for ifindex, node in nodes.items():
                if ifindex in found and (metadata := device_metadata(found[ifindex], self._settings.limit)):
                    wanted[node] = (inode, metadata)
        self._notes.publish(wanted, unread)
        return f"the WireGuard interfaces of {len(unread)} namespaces cannot be read: run as root" if unread else ""

    def _interfaces(self) -> dict[int, tuple[Namespace, dict[int, str]]]:
        """Return the nodes of interfaces by ifindex, in their namespaces, by inode."""
        found: dict[int, tuple[Namespace, dict[int, str]]] = {}
        for namespace, ifindex, node in self._located():
            found.setdefault(namespace.inode, (namespace, {}))[1][ifindex] = node
        return found

    def _located(self) -> Iterator[tuple[Namespace, int, str]]:
        graph, namespaces = self._context.graph, self._context.namespaces
        for node in graph.nodes_with("Type", KIND):
            at = locate(graph, node)
            namespace = None if at is None else namespaces.own if at.netns is None else namespaces.get(at.netns)
            if at is not None and namespace is not None:
                yield namespace, at.ifindex, node.id
