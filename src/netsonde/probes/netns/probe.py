# SPDX-License-Identifier: Apache-2.0
"""Network namespaces of the host: named ones at once, those that only processes hold when such a process begins.

Source: the files in /run/netns and the like (netns/files.py), /proc/PID/ns/net (netns/processes.py) of processes that
        the kernel tells of (netns/births.py), and of all at intervals, since it does not tell of all that enter one.
Writes: nodes Type=netns, one for each inode; edges RelationType=ownership, host -> netns; the namespace registry.
Needs:  CAP_SYS_PTRACE to see the namespaces of other users' processes; CAP_NET_ADMIN to be told of them.
"""

import asyncio
import errno
import os
from dataclasses import dataclass, replace

from netsonde.aio import spawn
from netsonde.errors import SourceLost, Unsupported
from netsonde.graph.batch import OWNERSHIP, Batch
from netsonde.model.elements import Metadata
from netsonde.observe import Health
from netsonde.probes._api import ProbeContext
from netsonde.probes.namespaces import raise_descriptor_limit
from netsonde.probes.netns.births import BirthWatcher
from netsonde.probes.netns.files import FileWatcher, NamespaceFiles
from netsonde.probes.netns.naming import Sighting
from netsonde.probes.netns.processes import User, namespace_of, timed_users, user

OPENED_AT_ONCE = 64
NO_ROOM = (errno.EMFILE, errno.ENFILE)
"""What does not mean that a namespace is gone: no more files may be open, of this process or of the system."""
CPU_SHARE = 0.01
"""Part of a core that looking through /proc may take."""


@dataclass(slots=True)
class _Shown:
    """A namespace that is in the graph: what shows it, and a descriptor that tells when its holder ends."""

    sighting: Sighting
    metadata: Metadata
    pidfd: int = -1


class NetnsProbe:
    """Keeps registry and graph equal to the namespaces there are."""

    name = "netns"
    needs = ("host",)

    def __init__(self, context: ProbeContext) -> None:
        self._context = context
        self._settings = context.settings.netns
        self._namespaces = context.namespaces
        own = context.namespaces.own
        self._files = NamespaceFiles(self._settings.run_paths, own.device)
        self._users: dict[int, list[User]] = {}
        self._born: dict[int, User] = {}
        """First users of namespaces that came since the last look through /proc began."""
        self._shown: dict[int, _Shown] = {}
        self._births: BirthWatcher | None = None
        self._scan_wanted = asyncio.Event()
        self._problem = ""
        self._to_register: dict[int, Sighting] = {}
        self._register_wanted = asyncio.Event()
        self._starved: set[int] = set()
        """Namespaces that found no free descriptor; the next look tries again."""

    async def run(self, health: Health) -> None:
        """Follow files and processes until cancelled."""
        raise_descriptor_limit()
        try:
            watcher = FileWatcher(self._settings.run_paths, self._files, lambda: self._reconcile(health))
        except OSError as failed:
            raise SourceLost(f"cannot watch for namespaces: {failed}") from failed
        unsubscribe = self._namespaces.on_hint(self._scan_wanted.set)
        forget_names = self._namespaces.on_preferred(self._rename)
        births = self._births = self._follow_births(health)
        try:
            self._reconcile(health)
            await self._register_all(health)
            if self._settings.anonymous:
                await self._scan(health)
                await self._register_all(health)
            health.running(self._problem)
            async with asyncio.TaskGroup() as group:
                spawn(group, self._register_for_ever(health), "netns-register")
                spawn(group, self._scan_for_ever(health), "netns-scan")
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from failed
        finally:
            unsubscribe()
            forget_names()
            watcher.close()
            if births is not None:
                births.close()
            for shown in self._shown.values():
                self._stop_watching(shown)

    def _follow_births(self, health: Health) -> BirthWatcher | None:
        """Be told of processes as they begin, where the kernel does so."""
        if not self._settings.anonymous:
            return None
        try:
            watcher = BirthWatcher(lambda pids: self._processes_began(pids, health))
        except Unsupported:
            health.gauge("told_of_processes", 0)
            return None
        health.gauge("told_of_processes", 1)
        return watcher

    def _processes_began(self, pids: list[int], health: Health) -> None:
        """Show and enter the namespaces that these processes are in and nobody was before."""
        own, fresh = self._namespaces.own.inode, dict[int, User]()
        for pid in pids:
            inode = namespace_of(pid)
            if inode is not None and inode != own and inode not in self._shown and inode not in self._born:
                self._born[inode] = user(pid)
                self._users.setdefault(inode, [self._born[inode]])
                fresh[inode] = self._born[inode]
        if fresh:
            self._reconcile(health)
        for inode, first in fresh.items():
            self._register_at_once(inode, first)

    def _register_at_once(self, inode: int, first: User) -> None:
        """Enter a namespace in this turn of the loop: its process may make an interface and speak in a millisecond."""
        if inode not in self._to_register:
            return
        try:
            fd = os.open(f"/proc/{first.pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return  # it is waiting to be opened all the same, and what refuses is told then
        self._register(self._to_register.pop(inode), fd)

    async def _scan_for_ever(self, health: Health) -> None:
        """Look through /proc whenever there is a sign, and at intervals since often there is none."""
        if not self._settings.anonymous:
            await asyncio.Event().wait()
        while True:
            took = await self._scan(health)
            await _wait(self._scan_wanted, max(self._settings.scan_interval, took / CPU_SHARE))
            # Many signs come together when many containers start; each look shows them all.
            await asyncio.sleep(took)

    async def _scan(self, health: Health) -> float:
        """Look through /proc and return the seconds of CPU that it took."""
        self._scan_wanted.clear()
        self._born.clear()
        self._users, took = await asyncio.to_thread(timed_users, self._namespaces.own.inode)
        for inode, first in self._born.items():
            if namespace_of(first.pid) == inode:
                self._users.setdefault(inode, [first])
        self._reconcile(health)
        health.count("scans")
        if self._births is not None:
            health.gauge("process_events_lost", self._births.lost)
        return took

    def _reconcile(self, health: Health) -> None:
        seen = self._sightings()
        self._hide([inode for inode in self._shown if inode not in seen])
        batch = Batch()
        fresh = [one for one in seen.values() if self._show(batch, one) or one.inode in self._starved]
        self._starved = set()
        if len(batch):
            self._context.graph.apply(batch)
        self._to_register.update({sighting.inode: sighting for sighting in fresh})
        if fresh:
            self._register_wanted.set()
        health.gauge("objects", len(self._shown))

    def _sightings(self) -> dict[int, Sighting]:
        own = self._namespaces.own
        seen: dict[int, Sighting] = {}
        for (inode, device), paths in self._files.by_namespace().items():
            seen[inode] = Sighting(inode, device, paths=paths)
        for inode, users in self._users.items():
            seen.setdefault(inode, Sighting(inode, own.device)).users = users
        seen.pop(own.inode, None)
        for inode, sighting in seen.items():
            sighting.preferred = self._namespaces.preferred_name(inode)
        return seen

    def _show(self, batch: Batch, sighting: Sighting) -> bool:
        """Put a namespace's node when it differs; return whether it is new."""
        metadata = sighting.metadata()
        shown = self._shown.get(sighting.inode)
        node = self._context.identity.netns(sighting.inode)
        if shown is None:
            self._shown[sighting.inode] = _Shown(sighting, metadata, self._watch_holder(sighting))
            batch.put_edge(None, self._context.identity.host(), node, self.name, {"RelationType": OWNERSHIP})
        else:
            shown.sighting = sighting
            if shown.pidfd < 0:
                shown.pidfd = self._watch_holder(sighting)
            if shown.metadata == metadata:
                return False
            shown.metadata = metadata
        self._namespaces.set_name(sighting.inode, sighting.name)
        batch.put_node(node, self.name, metadata)
        return shown is None

    def _rename(self, inode: int) -> None:
        """Show how a namespace should be called now, without a look at the others: thousands may be named in a row."""
        shown = self._shown.get(inode)
        if shown is None:
            return
        batch = Batch()
        self._show(batch, replace(shown.sighting, preferred=self._namespaces.preferred_name(inode)))
        if len(batch):
            self._context.graph.apply(batch)

    async def _register_for_ever(self, health: Health) -> None:
        while True:
            await self._register_wanted.wait()
            await self._register_all(health)
            health.running(self._problem)

    async def _register_all(self, health: Health) -> None:
        """Open and register what is waiting for it."""
        self._register_wanted.clear()
        while self._to_register:
            some = list(self._to_register.values())[:OPENED_AT_ONCE]
            for sighting in some:
                del self._to_register[sighting.inode]
            opened = await self._namespaces.open_each([sighting.path for sighting in some])
            for sighting, fd in zip(some, opened, strict=True):
                if not isinstance(fd, OSError):
                    self._register(sighting, fd)
                elif isinstance(fd, PermissionError) or fd.errno in NO_ROOM:
                    health.count("not_opened")
                    what_to_do = "raise the limit of open files" if fd.errno in NO_ROOM else "run as root"
                    self._problem = f"some namespaces cannot be entered: {what_to_do}"
                    if fd.errno in NO_ROOM:
                        self._starved.add(sighting.inode)
                else:
                    self._vanished(sighting.inode)

    def _register(self, sighting: Sighting, fd: int) -> None:
        """Register an opened namespace, unless it vanished meanwhile."""
        status = os.fstat(fd)
        same = (status.st_ino, status.st_dev) == (sighting.inode, sighting.device)
        if same and sighting.inode in self._shown and self._namespaces.get(sighting.inode) is None:
            self._namespaces.add(sighting.inode, sighting.device, fd)
            return
        os.close(fd)
        if not same:
            self._vanished(sighting.inode)

    def _vanished(self, inode: int) -> None:
        """What was seen is not there any more; if it is somewhere else, the next look shows it as new.

        The kernel gives the inode of a namespace that is gone to the next one that is made: were this one kept, that
        would be taken for it, and never be opened.
        """
        if inode in self._shown and self._namespaces.get(inode) is None:
            self._hide([inode])
            self._scan_wanted.set()

    def _hide(self, inodes: list[int]) -> None:
        for inode in inodes:
            self._stop_watching(self._shown.pop(inode))
            self._namespaces.remove(inode)
        if inodes:
            # The registry's listeners publish in this turn too: interfaces go first, or they would be left ownerless.
            asyncio.get_running_loop().call_soon(self._drop_nodes, inodes)

    def _drop_nodes(self, inodes: list[int]) -> None:
        batch = Batch()
        for inode in inodes:
            if inode not in self._shown:
                batch.drop_layer(self._context.identity.netns(inode), self.name)
        self._context.graph.apply(batch)

    def _watch_holder(self, sighting: Sighting) -> int:
        """Be told when the process that holds a nameless namespace ends: our descriptors would keep it alive."""
        if sighting.paths or not sighting.users:
            return -1
        try:
            pidfd = os.pidfd_open(sighting.users[0].pid)
        except OSError:
            self._scan_wanted.set()
            return -1
        asyncio.get_running_loop().add_reader(pidfd, self._holder_ended, sighting.inode)
        return pidfd

    def _holder_ended(self, inode: int) -> None:
        shown = self._shown.get(inode)
        if shown is not None:
            self._stop_watching(shown)
        self._scan_wanted.set()

    def _stop_watching(self, shown: _Shown) -> None:
        if shown.pidfd >= 0:
            asyncio.get_running_loop().remove_reader(shown.pidfd)
            os.close(shown.pidfd)
            shown.pidfd = -1


async def _wait(event: asyncio.Event, seconds: float) -> None:
    """Wait until the event is set, or for so long."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
