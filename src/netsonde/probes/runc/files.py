# SPDX-License-Identifier: Apache-2.0
"""The state files that there are, and being told when that changes.

Source: `ROOT/ID/state.json`, or `ROOT/NAMESPACE/ID/state.json` where containerd runs runc; runc replaces the file by a
rename. crun writes `ROOT/ID/status`. While `exec.fifo` is beside it the container is created and not started. A root
may be a pattern, such as `/run/user/*/runc`, where users' own engines have theirs.
"""

import asyncio
import fnmatch
import os
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

from netsonde.probes.inotify import add_watch, drain, open_inotify

STATE: Final = "state.json"
CRUN_STATE: Final = "status"
FIFO: Final = "exec.fifo"
MOST: Final = 4096
"""State files below one root that are read, and directories in one that are watched: a user may make any number."""
DEPTH: Final = 2
"""Levels of directories below a root in which states are."""


class StateFile(NamedTuple):
    """One state file; another stamp means other content."""

    path: str
    stamp: tuple[int, int, int]
    """Inode, time of change in ns, size."""
    started: bool
    owner: int
    """Uid: a user may write anything into a file of theirs."""

    @property
    def runtime(self) -> str:
        return "crun" if os.path.basename(self.path) == CRUN_STATE else "runc"


def find(roots: tuple[str, ...]) -> Iterator[StateFile]:
    """Yield the state files that there are now."""
    for root in roots:
        for directory in _expand(root)[0]:
            yield from islice(_below(directory, DEPTH), MOST)


def _expand(root: str) -> tuple[list[str], list[str]]:
    """Return the directories that a root stands for, and those in which more of them may come."""
    found, waits = [""], []
    for part in root.strip("/").split("/"):
        inside = [f"{directory}/{name}" for directory in found for name in _fitting(directory, part)]
        there = [one for one in inside if os.path.isdir(one)]
        waits += [directory or "/" for directory in found] if "*" in part or len(there) < len(inside) else []
        found = there
    return found, waits


def _fitting(directory: str, part: str) -> list[str]:
    return fnmatch.filter(_names(directory or "/"), part) if "*" in part else [part]


def _below(directory: str, depth: int) -> Iterator[StateFile]:
    for name in _names(directory):
        inside = f"{directory}/{name}"
        found = _state_in(inside)
        if found is not None:
            yield found
        elif depth > 1:
            yield from _below(inside, depth - 1)


def _state_in(directory: str) -> StateFile | None:
    for name in (STATE, CRUN_STATE):
        try:
            status = os.stat(f"{directory}/{name}")
        except OSError:
            continue
        stamp = (status.st_ino, status.st_mtime_ns, status.st_size)
        return StateFile(f"{directory}/{name}", stamp, not os.path.lexists(f"{directory}/{FIFO}"), status.st_uid)
    return None


def _names(directory: str) -> list[str]:
    try:
        with os.scandir(directory) as entries:
            return sorted(entry.name for entry in islice(entries, MOST))
    except OSError:
        return []  # a file, or it comes with the first container


class StateWatcher:
    """Calls back when something below the roots came or went."""

    def __init__(self, roots: tuple[str, ...], changed: Callable[[], None]) -> None:
        """OSError when the system has no more inotify descriptors."""
        self._roots = roots
        self._changed = changed
        self.refused = 0
        """Directories that the system would not watch: what happens in them is seen with the next event elsewhere."""
        self._inotify = open_inotify()
        asyncio.get_running_loop().add_reader(self._inotify, self._readable)
        self.watch()

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._inotify)
        os.close(self._inotify)

    def watch(self) -> None:
        """Watch every directory that can hold states; for a missing root the nearest one above. May be repeated."""
        self.refused = 0
        for root in self._roots:
            found, waits = _expand(root)
            for directory in dict.fromkeys((*waits, *found)):
                self._add(directory)
            for directory in found:
                self._watch_below(directory, DEPTH)

    def _watch_below(self, directory: str, depth: int) -> None:
        for name in _names(directory):
            inside = f"{directory}/{name}"
            if os.path.isdir(inside):
                self._add(inside)
                if depth > 1:
                    self._watch_below(inside, depth - 1)

    def _add(self, directory: str) -> None:
        if add_watch(self._inotify, Path(directory)) < 0 and os.path.isdir(directory):
            self.refused += 1

    def _readable(self) -> None:
        drain(self._inotify)
        self._changed()
