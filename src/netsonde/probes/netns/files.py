# SPDX-License-Identifier: Apache-2.0
"""Files that name network namespaces: the directories of `ip netns` and container engines, watched.

Source: inotify(7) for files that come and go; POLLPRI on /proc/self/mountinfo (proc(5)) for the moment when a new file
becomes a mount: `ip netns add` creates the file first and mounts the namespace over it later.
"""

import asyncio
import os
import select
from collections.abc import Callable
from pathlib import Path
from typing import Final

from netsonde.probes.inotify import IN_COMES, add_watch, drain, open_inotify

RECHECK_DELAY: Final = 0.1
"""Seconds after a change of the mount table before known files are looked at: a container's start makes a dozen."""


class NamespaceFiles:
    """The files that are namespaces now: `known` maps each path to inode and device of the namespace behind it."""

    def __init__(self, directories: tuple[str, ...], nsfs_device: int) -> None:
        self.known: dict[str, tuple[int, int]] = {}
        self._directories = directories
        self._nsfs = nsfs_device
        self._pending: set[str] = set()

    def look(self) -> None:
        """Read all directories anew."""
        self.known, self._pending = {}, set()
        for directory in self._directories:
            try:
                names = os.listdir(directory)
            except OSError:
                continue  # it comes with the first namespace
            for name in names:
                self.comes(f"{directory}/{name}")

    def comes(self, path: str) -> bool:
        """A file came; return whether it is a namespace already, else it is looked at again by `look_at_pending`."""
        self._pending.discard(path)
        try:
            status = os.stat(path)
        except OSError:
            return False
        if status.st_dev != self._nsfs:
            self._pending.add(path)
            return False
        self.known[path] = (status.st_ino, status.st_dev)
        return True

    def goes(self, path: str) -> bool:
        """A file went; return whether it was a namespace."""
        self._pending.discard(path)
        return self.known.pop(path, None) is not None

    def look_at_pending(self) -> bool:
        """The mount table changed; return whether a file became a namespace."""
        return any([self.comes(path) for path in tuple(self._pending)])

    def look_at_known(self) -> bool:
        """Namespaces may have been unmounted whose files stay, Docker's for a minute; return whether any was."""
        before = self.known
        self.known = {}
        for path in before:
            self.comes(path)
        return self.known != before

    def by_namespace(self) -> dict[tuple[int, int], list[str]]:
        """Return the paths of each namespace, in the order of the directories, then of the alphabet."""
        found: dict[tuple[int, int], list[str]] = {}
        order = {directory: number for number, directory in enumerate(self._directories)}
        for path in sorted(self.known, key=lambda path: (order[path.rpartition("/")[0]], path)):
            found.setdefault(self.known[path], []).append(path)
        return found


class FileWatcher:
    """Keeps a NamespaceFiles true and calls back when it changed."""

    def __init__(self, directories: tuple[str, ...], files: NamespaceFiles, changed: Callable[[], None]) -> None:
        self._directories = directories
        self._files = files
        self._changed = changed
        self._watched: dict[int, str] = {}
        self._loop = asyncio.get_running_loop()
        self._inotify = open_inotify()
        self._mounts = os.open("/proc/self/mountinfo", os.O_RDONLY | os.O_CLOEXEC)
        # The file is always readable; only an epoll of its own can wait for its POLLPRI, edge by edge.
        self._epoll = select.epoll()
        self._epoll.register(self._mounts, select.EPOLLPRI | select.EPOLLERR | select.EPOLLET)
        self._loop.add_reader(self._inotify, self._files_changed)
        self._loop.add_reader(self._epoll.fileno(), self._mounts_changed)
        self._recheck: asyncio.TimerHandle | None = None
        self._watch()
        files.look()

    def close(self) -> None:
        if self._recheck is not None:
            self._recheck.cancel()
        self._loop.remove_reader(self._inotify)
        self._loop.remove_reader(self._epoll.fileno())
        self._epoll.close()
        os.close(self._mounts)
        os.close(self._inotify)

    def _watch(self) -> None:
        """Watch every directory that exists, and for a missing one the nearest directory above."""
        for directory in self._directories:
            target = Path(directory)
            while not target.is_dir() and target != target.parent:
                target = target.parent
            watch = add_watch(self._inotify, target)
            if watch >= 0:
                self._watched[watch] = str(target)

    def _files_changed(self) -> None:
        changed = False
        for event in drain(self._inotify):
            directory = self._watched.get(event.watch, "")
            if directory not in self._directories or not event.name:
                # A directory above, a queue that overflowed, a directory that went: find out what there is now.
                changed = self._look_anew() or changed
            elif event.mask & IN_COMES:
                changed = self._files.comes(f"{directory}/{event.name}") or changed
            else:
                changed = self._files.goes(f"{directory}/{event.name}") or changed
        if changed:
            self._changed()

    def _look_anew(self) -> bool:
        before = self._files.known
        self._watch()
        self._files.look()
        return before != self._files.known

    def _mounts_changed(self) -> None:
        self._epoll.poll(0)
        if self._recheck is None:
            self._recheck = self._loop.call_later(RECHECK_DELAY, self._look_at_known)
        if self._files.look_at_pending():
            self._changed()

    def _look_at_known(self) -> None:
        self._recheck = None
        if self._files.look_at_known():
            self._changed()
