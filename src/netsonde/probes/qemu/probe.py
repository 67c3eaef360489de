# SPDX-License-Identifier: Apache-2.0
"""Virtual machines that QEMU runs, with or without libvirt, and the processes that hold taps.

Source: /proc/PID/fd and fdinfo of processes that hold /dev/net/tun or /dev/tapN (qemu/taps.py), the command line of
        those that are QEMU (qemu/command_line.py); looked at when a tap comes or its carrier changes.
Writes: nodes Type=vm, or libvirt where libvirt started it; edges ownership and, tap -> machine, vlayer2; notes on taps.
Needs:  the `netlink` probe for the taps; CAP_SYS_PTRACE to see other users' processes.
"""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Final

from netsonde.aio import spawn
from netsonde.graph.batch import Batch
from netsonde.graph.events import Event
from netsonde.model.elements import Node
from netsonde.observe import Health
from netsonde.probes._api import ProbeContext
from netsonde.probes.contributions import ContributionPublisher
from netsonde.probes.endings import Endings
from netsonde.probes.qemu.taps import Holder, timed_holders
from netsonde.probes.qemu.translate import Translator

KINDS: Final = frozenset({"tuntap", "macvtap", "internal"})
SIGNS: Final = frozenset({"Name", "State", "LinkFlags", "IfIndex", "TunMode"})
"""Keys of a tap that change when a process opens or closes it."""
CPU_SHARE: Final = 0.01
"""Part of a core that looking through /proc may take."""


class QemuProbe:
    """Keeps machines and holders equal to the processes there are; `run` may be called again."""

    name = "qemu"
    needs = ("host",)

    def __init__(self, context: ProbeContext) -> None:
        self._context = context
        self._settings = context.settings.qemu
        self._translator = Translator(context.graph, context.identity, context.namespaces.own.inode)
        self._publisher = ContributionPublisher[int](self.name)
        self._holders: dict[int, Holder] = {}
        self._endings = Endings(self._ended)
        self._wanted = asyncio.Event()
        self._health = Health(self.name)

    async def run(self, health: Health) -> None:
        """Follow taps and the processes that hold them until cancelled."""
        self._health = health
        self._wanted.clear()
        unsubscribe = self._context.graph.subscribe(self._graph_changed)
        try:
            await self._look()
            health.running()
            async with asyncio.TaskGroup() as group:
                spawn(group, self._look_for_ever(), "qemu-look")
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from failed
        finally:
            unsubscribe()
            self._endings.close()

    async def _look_for_ever(self) -> None:
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            took = await self._look()
            # Many taps come together when a host boots; the next look shows them all.
            await asyncio.sleep(max(self._settings.scan_interval, took / CPU_SHARE))

    async def _look(self) -> float:
        """Look through /proc, publish what differs, and return the seconds of CPU that it took."""
        holders, took = await asyncio.to_thread(timed_holders)
        self._health.count("scans")
        found = {holder.pid: holder for holder in holders}
        gone = self._holders.keys() - found.keys()
        self._holders = found
        self._publish([*gone, *found])
        return took

    def _publish(self, pids: Iterable[int]) -> None:
        batch = Batch()
        for pid in pids:
            holder = self._holders.get(pid)
            if holder is None or not self._endings.watch(pid):
                self._holders.pop(pid, None)
                self._endings.forget(pid)
                self._publisher.forget(batch, pid)
            else:
                self._publisher.put(batch, pid, self._translator.contribution(holder))
        if len(batch):
            self._context.graph.apply(batch)
        self._health.gauge("objects", len(self._publisher))

    def _graph_changed(self, events: Sequence[Event]) -> None:
        """Look again when a tap came, went, or got or lost its carrier."""
        for event in events:
            if event.probe == self.name or not isinstance(event.element, Node):
                continue
            if event.kind == "deleted":
                self._publisher.node_lost(event.element.id)
            tap = event.element.metadata.get("Type") in KINDS
            if tap and (event.kind != "updated" or event.touched & SIGNS):
                self._health.count("events")
                self._wanted.set()

    def _ended(self, pid: int) -> None:
        self._holders.pop(pid, None)
        self._publish([pid])
