# SPDX-License-Identifier: Apache-2.0
"""Containers that runc or crun runs, for containerd, CRI-O, Podman or by hand.

Source: the state files of runc (runc/state.py) and crun (runc/crun.py), found by inotify; /proc/PID/stat, which tells a
        process from a later one of the same number.
Writes: nodes Type=container; edges RelationType=ownership, netns -> container; notes on the containers' namespaces,
        which get the names of their pods or containers.
Needs:  the `netns` probe for the namespaces; the right to read the state files.
"""

import asyncio
import os
import stat
from pathlib import Path
from typing import Final

from netsonde.aio import spawn
from netsonde.errors import SourceLost, WireError
from netsonde.observe import Health
from netsonde.probes._api import ProbeContext
from netsonde.probes.claims import may_claim, trusted
from netsonde.probes.containers import Container, ContainerPublisher
from netsonde.probes.endings import Endings
from netsonde.probes.runc.crun import read_crun
from netsonde.probes.runc.files import StateFile, StateWatcher, find
from netsonde.probes.runc.state import State, container, read_state

OWNER: Final = "container-runtime"
"""Of keys: comes before `docker` in the alphabet, so that an engine's names win over those of its runtime."""
PAUSE: Final = 0.02
"""Least seconds between two looks: each container that starts causes several events."""
CPU_SHARE: Final = 0.25
"""Part of the loop's time that looks may take: one among 2000 containers takes 0.1 s."""
STATE_LIMIT: Final = 4 * 1024 * 1024
"""Bytes of one state file."""


class RuncProbe:
    """Keeps the graph equal to the state files whose processes live."""

    name = "runc"
    needs = ("host",)

    def __init__(self, context: ProbeContext, proc: Path = Path("/proc")) -> None:
        self._context = context
        self._roots = context.settings.runc.run_paths
        self._proc = proc
        self._publisher = ContainerPublisher(context, OWNER, proc)
        self._known: dict[str, tuple[StateFile, Container | None]] = {}
        self._unreadable: set[str] = set()
        self._unbelieved: set[str] = set()
        self._wanted = asyncio.Event()
        self._endings = Endings(self._ended)
        self._health = Health(self.name)

    async def run(self, health: Health) -> None:
        """Follow the state files until cancelled."""
        self._health = health
        try:
            watcher = StateWatcher(self._roots, self._wanted.set)
        except OSError as failed:
            raise SourceLost(f"cannot watch for containers: {failed}") from failed
        try:
            self._look(anew=True)
            self._tell(watcher)
            async with asyncio.TaskGroup() as group:
                spawn(group, self._look_for_ever(watcher), "runc-look")
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from failed
        finally:
            watcher.close()
            self._endings.close()

    async def _look_for_ever(self, watcher: StateWatcher) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            began = loop.time()
            # A directory that came has to be watched before it is read, or a file in it could be missed.
            watcher.watch()
            self._health.count("events")
            self._look()
            self._tell(watcher)
            await asyncio.sleep(max(PAUSE, (loop.time() - began) / CPU_SHARE))

    def _look(self, *, anew: bool = False) -> None:
        """Read what changed, or all of it, and publish it."""
        found = {file.path: file for file in find(self._roots)}
        gone = [self._known.pop(path)[1] for path in self._known.keys() - found.keys()]
        self._unreadable &= found.keys()
        self._unbelieved &= found.keys()
        shown: list[Container] = []
        for path, file in found.items():
            before = self._known.get(path)
            if anew or before is None or before[0] != file:
                seen = self._read(file)
                self._known[path] = (file, seen)
                shown += [] if seen is None else [seen]
                gone += [] if before is None or seen is not None else [before[1]]
        there = {seen.id for _, seen in self._known.values() if seen is not None}
        self._publisher.update(shown, {one.id for one in gone if one is not None} - there)
        self._health.gauge("objects", len(self._publisher))

    def _read(self, file: StateFile) -> Container | None:
        """Return a container, None when its process has ended or nobody understands its state."""
        self._unreadable.discard(file.path)
        self._unbelieved.discard(file.path)
        try:
            state = _state(file)
        except OSError:
            return None  # it went meanwhile
        except WireError:
            self._unreadable.add(file.path)
            self._health.count("unreadable")
            return None
        if not self._lives(state.init_process_pid, state.init_process_start):
            return None
        found = container(state, started=file.started, runtime=file.runtime)
        if not may_claim(file.owner, found.pid, self._proc) or (not trusted(file.owner) and self._is_roots(found.id)):
            self._unbelieved.add(file.path)
            self._health.count("not_believed")
            return None
        return found

    def _is_roots(self, identity: str) -> bool:
        """Tell whether one who is believed has a container of this id, which a user must not put another one before."""
        return any(seen is not None and seen.id == identity and trusted(of.owner) for of, seen in self._known.values())

    def _lives(self, pid: int, start: int) -> bool:
        try:
            # The name stands in parentheses and may hold any character; the start is field 22, 19 after it.
            fields = (self._proc / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()
            return (not start or int(fields[19]) == start) and self._endings.watch(pid)
        except (OSError, IndexError, ValueError):
            return False

    def _ended(self, pid: int) -> None:
        gone = [seen.id for _, seen in self._known.values() if seen is not None and seen.pid == pid]
        self._known = {
            path: (file, None if seen is not None and seen.pid == pid else seen)
            for path, (file, seen) in self._known.items()
        }
        self._publisher.update((), gone)
        self._health.gauge("objects", len(self._publisher))

    def _tell(self, watcher: StateWatcher) -> None:
        reasons = [f"{len(self._unreadable)} state files could not be read"] if self._unreadable else []
        if self._unbelieved:
            reasons.append(f"{len(self._unbelieved)} state files of users name processes or containers of others")
        if watcher.refused:
            reasons.append(f"{watcher.refused} directories cannot be watched: raise fs.inotify.max_user_watches")
        self._health.running("; ".join(reasons))


def _state(file: StateFile) -> State:
    if file.runtime == "runc":
        return read_state(_content(file.path, file.owner))
    directory = os.path.dirname(file.path)
    config = _content(f"{directory}/config.json", file.owner)
    return read_crun(os.path.basename(directory), _content(file.path, file.owner), config)


def _content(path: str, owner: int) -> bytes:
    """Return what is in a regular file of this owner: a user may put a pipe there, which would block for ever."""
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(fd, "rb") as source:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode) or status.st_uid != owner:
            raise WireError(f"{path} is no state of a container runtime")
        return source.read(STATE_LIMIT)
