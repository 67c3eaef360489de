# SPDX-License-Identifier: Apache-2.0
"""TCP and UDP sockets of the host and of every known namespace, with the processes that hold them.

Source: sock_diag(7) in each namespace (socketinfo/diag.py), /proc/PID/fd (socketinfo/holders.py); looked at every
        `probes.socketinfo.interval`, since the kernel tells nobody of new sockets.
Writes: `Sockets` and `SocketsOmitted` on the nodes of the host and of network namespaces.
Needs:  CAP_SYS_ADMIN to enter namespaces, CAP_SYS_PTRACE to see other users' processes.
"""

import asyncio
import socket
import time
from collections.abc import Sequence
from typing import Final

from netsonde.graph.batch import Batch
from netsonde.model.elements import Metadata
from netsonde.observe import Health
from netsonde.probes._api import ProbeContext
from netsonde.probes.namespaces import Namespace
from netsonde.probes.socketinfo.diag import Reading, open_socket, read_sockets
from netsonde.probes.socketinfo.holders import Holders, Process
from netsonde.probes.socketinfo.translate import socket_metadata

NAMESPACES_AT_ONCE: Final = 32
"""Namespaces that are entered in one visit: others wait for the thread that does so."""


class SocketInfoProbe:
    """Keeps the lists of sockets equal to the kernel's, one look late at most; `run` may be called again."""

    name = "socketinfo"
    needs = ("host",)

    def __init__(self, context: ProbeContext) -> None:
        self._context = context
        self._settings = context.settings.socketinfo
        self._holders = Holders()
        self._stated: dict[int, tuple[Namespace, Metadata]] = {}
        self._not_entered: set[int] = set()
        self._health = Health(self.name)

    async def run(self, health: Health) -> None:
        """Look at all sockets again and again until cancelled."""
        self._health = health
        while True:
            took = await self._look()
            await asyncio.sleep(self._pause(took))

    def _pause(self, took: float) -> float:
        return max(self._settings.interval, 0.1, took / max(self._settings.cpu_share, 0.001))

    async def _look(self) -> float:
        """Read every namespace, publish what differs, and return the seconds of CPU that it took."""
        known = self._context.namespaces.all()
        self._not_entered &= {namespace.inode for namespace in known}
        readings: dict[int, Reading] = {}
        took = 0.0
        for first in range(0, len(known), NAMESPACES_AT_ONCE):
            some, seconds = await self._read(known[first : first + NAMESPACES_AT_ONCE])
            readings |= some
            took += seconds
        inodes = {each.inode for reading in readings.values() for each in reading.sockets}
        holders, seconds = await asyncio.to_thread(_timed_find, self._holders, inodes)
        self._publish(readings, holders)
        self._tell(readings)
        return took + seconds

    async def _read(self, namespaces: list[Namespace]) -> tuple[dict[int, Reading], float]:
        sources = await self._context.namespaces.enter_each(namespaces, open_socket, socket.socket.close)
        opened: dict[int, socket.socket] = {}
        for namespace, source in zip(namespaces, sources, strict=True):
            if isinstance(source, OSError):
                self._not_entered.add(namespace.inode)
            else:
                self._not_entered.discard(namespace.inode)
                opened[namespace.inode] = source
        try:
            readings, seconds = await asyncio.to_thread(_timed_reading, list(opened.values()))
        finally:
            # Open, they would keep alive a namespace that nobody uses any more.
            for source in opened.values():
                source.close()
        return dict(zip(opened, readings, strict=True)), seconds

    def _publish(self, readings: dict[int, Reading], holders: dict[int, Process]) -> None:
        batch = Batch()
        namespaces = self._context.namespaces
        self._stated = {
            inode: (stated, said) for inode, (stated, said) in self._stated.items() if namespaces.get(inode) is stated
        }
        for inode, reading in readings.items():
            namespace = namespaces.get(inode)
            if namespace is not None:
                self._state(batch, namespace, socket_metadata(reading.sockets, holders, self._settings.limit))
        if len(batch):
            self._context.graph.apply(batch)

    def _state(self, batch: Batch, namespace: Namespace, metadata: Metadata) -> None:
        _, before = self._stated.get(namespace.inode, (namespace, Metadata()))
        if before == metadata:
            return
        self._stated[namespace.inode] = (namespace, metadata)
        identity = self._context.identity
        node = identity.host() if namespace.own else identity.netns(namespace.inode)
        if metadata:
            batch.annotate(node, self.name, metadata)
        else:
            batch.drop_layer(node, self.name)

    def _tell(self, readings: dict[int, Reading]) -> None:
        health = self._health
        health.count("looks")
        health.gauge("objects", sum(len(reading.sockets) for reading in readings.values()))
        health.gauge("namespaces", len(readings))
        health.gauge("walks", self._holders.walks)
        lacking = {
            f"this kernel lists no {each} sockets" for reading in readings.values() for each in reading.unsupported
        }
        if any(reading.unread for reading in readings.values()):
            lacking.add("a namespace has more sockets than are read")
        if self._holders.cut:
            lacking.add("not all open files were looked at: processes are missing")
        if self._not_entered:
            lacking.add(f"{len(self._not_entered)} namespaces cannot be entered: run as root")
        health.running("; ".join(sorted(lacking)))


def _timed_reading(sources: Sequence[socket.socket]) -> tuple[list[Reading], float]:
    began = time.thread_time()
    return [read_sockets(source) for source in sources], time.thread_time() - began


def _timed_find(holders: Holders, inodes: set[int]) -> tuple[dict[int, Process], float]:
    began = time.thread_time()
    return holders.find(inodes), time.thread_time() - began
