# SPDX-License-Identifier: Apache-2.0
"""Containers that LXC runs, by hand or for LXD and Incus, root's and those of other users.

Source: each container's monitor, asked and followed at its command socket (lxc/command.py), which is found in
        /proc/net/unix when a namespace comes; no directory needs to be configured, no program of LXC is run.
Writes: nodes Type=container; edges RelationType=ownership, netns -> container; notes on the containers' namespaces,
        which get their names.
Needs:  the `netns` probe for the namespaces; root's uid, which monitors of root ask for.
"""

import asyncio
from contextlib import suppress
from typing import Final

from netsonde.aio import spawn
from netsonde.errors import SourceLost, WireError
from netsonde.observe import Health
from netsonde.probes._api import ProbeContext
from netsonde.probes.containers import ContainerPublisher
from netsonde.probes.lxc.command import State, next_state, owner
from netsonde.probes.lxc.inspect import Seen, inspect
from netsonde.probes.lxc.sockets import MOST, CommandSocket, command_sockets
from netsonde.probes.lxc.translate import container
from netsonde.probes.namespaces import Namespace

ASKED_AT_ONCE: Final = 8
"""Monitors that are asked at the same time."""
PAUSE: Final = 0.05
"""Least seconds between two looks: a container that starts gives several signs."""
CPU_SHARE: Final = 0.05
"""Part of the loop's time that looks may take."""


class LxcProbe:
    """Follows every monitor; a container goes when its monitor says so or ends."""

    name = "lxc"
    needs = ("host",)
    daemon = "the command sockets of LXC"

    def __init__(self, context: ProbeContext) -> None:
        self._context = context
        self._settings = context.settings.lxc
        self._publisher = ContainerPublisher(context, self.name)
        self._wanted = asyncio.Event()
        # A user whose sockets do not answer must not keep us from asking root's.
        self._asking_root = asyncio.Semaphore(ASKED_AT_ONCE)
        self._asking_users = asyncio.Semaphore(ASKED_AT_ONCE)
        self._followed: dict[CommandSocket, asyncio.Event] = {}
        """Set when the container was asked for the first time."""
        self._shown: dict[str, CommandSocket] = {}
        """Socket by id of the container: one that restarts has two for a moment."""
        self._rubbish: set[CommandSocket] = set()
        """Sockets of which nobody understands the answers: they are not asked again."""
        self._silent: set[CommandSocket] = set()
        """Sockets that did not answer in time: the next look asks them again."""
        self._left_out = False
        self._is_complete = False
        """Whether the first look has shown all that there was."""
        self._health = Health(self.name)

    async def run(self, health: Health) -> None:
        """Follow the monitors until cancelled."""
        self._health = health
        self._followed, self._shown = {}, {}
        self._is_complete = False
        ends = [self._context.namespaces.subscribe(self), self._context.namespaces.on_hint(self._wanted.set)]
        try:
            async with asyncio.TaskGroup() as group:
                self._look(group)
                for asked in tuple(self._followed.values()):
                    await asked.wait()
                self._publisher.update((), self._publisher.ids - self._shown.keys())
                self._is_complete = True
                self._tell()
                spawn(group, self._look_for_ever(group), "lxc-look")
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from failed
        finally:
            for end in ends:
                end()

    def namespace_added(self, namespace: Namespace) -> None:
        """A namespace came, and perhaps a container with it."""
        self._wanted.set()

    def namespace_removed(self, namespace: Namespace) -> None:
        """Monitors say themselves that a container ends."""

    async def _look_for_ever(self, group: asyncio.TaskGroup) -> None:
        loop = asyncio.get_running_loop()
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(max(PAUSE, self._settings.scan_interval)):
                    await self._wanted.wait()
            self._wanted.clear()
            began = loop.time()
            self._look(group)
            self._tell()
            await asyncio.sleep(max(PAUSE, (loop.time() - began) / CPU_SHARE))

    def _look(self, group: asyncio.TaskGroup) -> None:
        """Begin to follow what is new."""
        found = command_sockets()
        self._rubbish &= found
        self._silent &= found
        self._left_out = len(found) == MOST
        self._health.count("scans")
        for one in found - self._followed.keys() - self._rubbish:
            self._followed[one] = asyncio.Event()
            spawn(group, self._follow(one), "lxc-follow")

    async def _follow(self, at: CommandSocket) -> None:
        """Show one container in each of its states until its monitor ends."""
        shown: set[str] = set()
        try:
            state: State | None = State.STOPPED
            while state is not None:
                seen = await self._ask(at.address)
                self._silent.discard(at)
                shown |= self._show(seen, at)
                self._followed[at].set()
                self._tell()
                state = await next_state(at.address, seen.state)
                self._health.count("events")
        except WireError:
            self._rubbish.add(at)
            self._health.count("unreadable")
        except SourceLost:
            if at in command_sockets():
                self._silent.add(at)
                self._health.count("unreadable")
        self._followed.pop(at).set()
        self._hide(at, shown)
        if at not in self._rubbish | self._silent:
            self._wanted.set()  # a container that restarts has another socket at once
        self._tell()

    async def _ask(self, address: str) -> Seen:
        asking = self._asking_root if await owner(address) == 0 else self._asking_users
        async with asking:
            try:
                async with asyncio.timeout(self._settings.answer_timeout):
                    return await inspect(address)
            except TimeoutError as slow:
                raise SourceLost(f"{address} did not answer in {self._settings.answer_timeout:g} s") from slow

    def _show(self, seen: Seen, at: CommandSocket) -> set[str]:
        """Show a container as it is now; return its id, or nothing when it has no processes."""
        found = container(seen)
        if found is None:
            self._hide(at, {known for known, socket in self._shown.items() if socket == at})
            return set()
        self._shown[found.id] = at
        self._publisher.update([found])
        self._health.gauge("objects", len(self._publisher))
        return {found.id}

    def _hide(self, at: CommandSocket, ids: set[str]) -> None:
        gone = {one for one in ids if self._shown.get(one) == at}
        for one in gone:
            del self._shown[one]
        self._publisher.update((), gone)
        self._health.gauge("objects", len(self._publisher))

    def _tell(self) -> None:
        if not self._is_complete:
            return
        reasons = []
        if lost := len(self._rubbish) + len(self._silent):
            reasons.append(f"{lost} command sockets gave no answer that could be read")
        if self._left_out:
            reasons.append(f"only {MOST} command sockets are looked at")
        self._health.running("; ".join(reasons))
