# SPDX-License-Identifier: Apache-2.0
"""The state files that there are, and being told when that changes.

Source: `ROOT/ID/state.json`, or `ROOT/NAMESPACE/ID/state.json` where containerd runs runc; runc replaces the file by a
rename. While `exec.fifo` is beside it the container is created and not started.
"""

import asyncio
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from netsonde.probes.inotify import add_watch, drain, open_inotify

STATE: Final = "state.json"
FIFO: Final = "exec.fifo"
DEPTH: Final = 2
"""Levels of directories below a root in which states are."""


class StateFile(NamedTuple):
    """One state file; another stamp means other content."""

    path: str
    stamp: tuple[int, int, int]
    """Inode, time of change in ns, size."""
    started: bool


def find(roots: tuple[str, ...]) -> Iterator[StateFile]:
    """Yield all state files that there are now."""
    for root in roots:
        yield from _below(root, DEPTH)


def _below(directory: str, depth: int) -> Iterator[StateFile]:
    for name in _names(directory):
        inside = f"{directory}/{name}"
        try:
            status = os.stat(f"{inside}/{STATE}")
        except OSError:
            if depth > 1:
                yield from _below(inside, depth - 1)
            continue
        stamp = (status.st_ino, status.st_mtime_ns, status.st_size)
        yield StateFile(f"{inside}/{STATE}", stamp, started=not os.path.lexists(f"{inside}/{FIFO}"))


def _names(directory: str) -> list[str]:
    try:
        return sorted(os.listdir(directory))
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
            target = Path(root)
            while not target.is_dir() and target != target.parent:
                target = target.parent
            self._add(str(target))
            if target == Path(root):
                self._watch_below(root, DEPTH)

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
