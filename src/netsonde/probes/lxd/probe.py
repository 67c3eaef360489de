# SPDX-License-Identifier: Apache-2.0
"""What LXD or Incus has of its containers and virtual machines: project, profiles, settings, devices.

Source: REST API 1.0 over a Unix socket (lxd/server.py): lifecycle events, after each of which all instances are listed;
        what an event says itself is not believed.
Writes: `LXD` on the nodes of containers, which the `lxc` probe puts, and of machines, which the `qemu` probe does.
Needs:  these probes; the right to open the socket.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from pathlib import Path
from typing import Final

from netsonde.aio import spawn
from netsonde.errors import SourceAbsent, SourceLost, WireError
from netsonde.graph.events import Event
from netsonde.model.elements import Metadata
from netsonde.observe import Health
from netsonde.probes._api import ProbeContext
from netsonde.probes.containers import lxc_id
from netsonde.probes.lxd.api import NOT_CLUSTERED, STOPPED, Instance, instance_metadata
from netsonde.probes.lxd.server import Lxd, first_listening
from netsonde.probes.notes import Notes

PAUSE: Final = 0.2
"""Least seconds between two lists: an instance that starts gives several events."""
LISTING_SHARE: Final = 0.25
"""Part of the time in which the daemon may be busy with lists: thousands of instances are listed less often."""


class LxdProbe:
    """Follows one daemon; what it said stays while it is away."""

    name = "lxd"
    needs = ("host",)

    def __init__(self, context: ProbeContext) -> None:
        self._context = context
        self._settings = context.settings.lxd
        self.daemon = next(iter(self._settings.sockets), "")
        # Early: the daemon knows of a start before its first process runs.
        self._notes: Notes[str] = Notes(self.name, context.graph, early=True)
        self._wanted = asyncio.Event()
        context.graph.subscribe(self._graph_changed)

    async def run(self, health: Health) -> None:
        """Follow the daemon until it goes away or the agent stops."""
        self.daemon = await self._socket()
        try:
            await self._follow(Lxd(self.daemon, self._settings.answer_timeout), health)
        except WireError as rubbish:
            raise SourceLost(f"{self.daemon}: {rubbish}") from rubbish

    async def _socket(self) -> str:
        # Where there are two daemons, one that starts anew is waited for: what it said is on the graph.
        known = await first_listening([self.daemon]) if len(self._notes) else ""
        found = known or await first_listening(self._settings.sockets)
        if not found:
            raise SourceAbsent(f"neither LXD nor Incus is there: no socket at {', '.join(self._settings.sockets)}")
        return found

    def _graph_changed(self, events: Sequence[Event]) -> None:
        if self._notes.forget(events):
            self._wanted.set()

    async def _follow(self, lxd: Lxd, health: Health) -> None:
        member = (await lxd.meet()).environment.server_name
        # Events first, then the list: what happens between the two is told twice rather than never.
        async with lxd.events() as events:
            try:
                async with asyncio.TaskGroup() as group:
                    spawn(group, self._take(events, health), "lxd-events")
                    spawn(group, self._list_for_ever(lxd, member, health), "lxd-list")
            except ExceptionGroup as failed:
                raise failed.exceptions[0] from failed

    async def _take(self, events: AsyncIterator[str | bytes], health: Health) -> None:
        async for _ in events:
            health.count("events")
            self._wanted.set()
        raise SourceLost(f"{self.daemon} ended its events")

    async def _list_for_ever(self, lxd: Lxd, member: str, health: Health) -> None:
        loop = asyncio.get_running_loop()
        while True:
            self._wanted.clear()
            began = loop.time()
            self._notes.publish(await asyncio.to_thread(self._shown, await lxd.instances(), member))
            health.count("lists")
            health.gauge("objects", len(self._notes))
            health.running()
            await asyncio.sleep(max(PAUSE, (loop.time() - began) * (1 / LISTING_SHARE - 1)))
            await self._wanted.wait()

    def _shown(self, instances: Iterable[Instance], member: str) -> dict[str, tuple[str, Metadata]]:
        """Return what to show, by node, of the instances on this member of a cluster; called in a thread."""
        here = (one for one in instances if one.location in (*NOT_CLUSTERED, member) and one.status != STOPPED)
        shown = ((self._node(one), one) for one in here)
        return {node: (self.daemon, instance_metadata(one)) for node, one in shown if node}

    def _node(self, one: Instance) -> str:
        """Return the id that another probe gives the instance's node, "" when that cannot be known."""
        identity = self._context.identity
        if one.type == "virtual-machine":
            return identity.machine(one.uuid) if one.uuid else ""
        return identity.container(lxc_id(0, str(Path(self.daemon).parent / "containers"), one.directory))
