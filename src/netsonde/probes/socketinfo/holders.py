# SPDX-License-Identifier: Apache-2.0
"""Which process holds which socket open.

Source: the links of /proc/PID/fd, proc(5). All of /proc is walked only when a socket appears that was not seen before;
what is known is looked up where it was found. Needs CAP_SYS_PTRACE for other users' processes. Blocks.
"""

import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

MOST_DESCRIPTORS: Final = 1_000_000
"""Open files that one walk looks at."""
LONGEST_TEXT: Final = 1024
"""Letters of a path or a cgroup that are kept: whoever holds a socket may call its program anything."""
_INIT: Final = 1
_LINK: Final = b"socket:["


class Descriptor(NamedTuple):
    """Where a socket was found."""

    pid: int
    fd: str


@dataclass(frozen=True, slots=True)
class Process:
    """A process that holds a socket; "" for what cannot be read."""

    pid: int
    name: str
    path: str
    """Its program."""
    cgroup: str
    """Its control group below the root of the hierarchy, such as `/system.slice/nginx.service`."""


class Holders:
    """Remembers where sockets were found. Of several processes with one socket the first by pid counts, init last:
    it holds those of services that it starts on demand.
    """

    def __init__(self, proc: Path = Path("/proc"), most: int = MOST_DESCRIPTORS) -> None:
        self._proc = os.fspath(proc)
        self._most = most
        self._found: dict[int, Descriptor] = {}
        self._unheld: set[int] = set()
        self.walks = 0
        """How often all of /proc was looked through."""
        self.cut = False
        """Whether the last walk ended at its limit."""

    def find(self, inodes: Collection[int]) -> dict[int, Process]:
        """Return the processes that hold these sockets, by inode; a socket of the kernel's own is held by none."""
        wanted = set(inodes)
        self._found = {inode: at for inode, at in self._found.items() if inode in wanted and self._is_there(inode, at)}
        self._unheld &= wanted
        missing = wanted - self._found.keys()
        if missing - self._unheld:
            self._walk(missing)
            self._unheld = wanted - self._found.keys()
        processes = {pid: self._process(pid) for pid in {at.pid for at in self._found.values()}}
        return {inode: processes[at.pid] for inode, at in self._found.items()}

    def _is_there(self, inode: int, at: Descriptor) -> bool:
        return _inode(_link(f"{self._proc}/{at.pid}/fd/{at.fd}")) == inode

    def _walk(self, missing: set[int]) -> None:
        """Look for sockets in all processes, no longer than until the new ones are found."""
        self.walks += 1
        new = missing - self._unheld
        left = self._most
        for pid in self._pids():
            for fd in self._descriptors(pid):
                left -= 1
                inode = _inode(_link(f"{self._proc}/{pid}/fd/{fd}"))
                if inode in missing:
                    self._found.setdefault(inode, Descriptor(pid, fd))
                    new.discard(inode)
                if not new or left <= 0:
                    self.cut = bool(new)
                    return
        self.cut = False

    def _pids(self) -> list[int]:
        return sorted(map(int, filter(str.isdigit, os.listdir(self._proc))), key=lambda pid: (pid == _INIT, pid))

    def _descriptors(self, pid: int) -> Iterator[str]:
        try:
            with os.scandir(f"{self._proc}/{pid}/fd") as entries:
                for entry in entries:
                    yield entry.name
        except OSError:
            return  # it ended meanwhile, or is not ours to look at

    def _process(self, pid: int) -> Process:
        root = f"{self._proc}/{pid}"
        return Process(
            pid,
            name=_text(_read(f"{root}/comm").rstrip(b"\n")),
            path=_text(_link(f"{root}/exe")).removesuffix(" (deleted)"),
            cgroup=control_group(_text(_read(f"{root}/cgroup"), LONGEST_TEXT * 16)),
        )


def control_group(lines: str) -> str:
    """Return the group that /proc/PID/cgroup names (cgroups(7)): of version 2, else systemd's of version 1."""
    groups = {}
    for line in lines.splitlines():
        _, controllers, path = (*line.split(":", 2), "", "")[:3]
        groups[controllers] = path[:LONGEST_TEXT]
    found = [groups[each] for each in ("", "name=systemd") if groups.get(each, "/") != "/"]
    return found[0] if found else groups.get("", "")


def _inode(link: bytes) -> int | None:
    if not link.startswith(_LINK):
        return None
    number = link[len(_LINK) : -1]
    return int(number) if number.isdigit() else None


def _link(path: str) -> bytes:
    try:
        return os.readlink(os.fsencode(path))
    except OSError:
        return b""


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(LONGEST_TEXT * 16)
    except OSError:
        return b""


def _text(found: bytes, longest: int = LONGEST_TEXT) -> str:
    return found.decode("utf-8", "replace")[:longest]
