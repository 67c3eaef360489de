# SPDX-License-Identifier: Apache-2.0
"""Which process holds which tap, tun or macvtap open.

Source: /proc/PID/fd and, for /dev/net/tun, the line `iff:` of /proc/PID/fdinfo (drivers/net/tun.c); a macvtap's file is
/dev/tapN, N its ifindex. Needs CAP_SYS_PTRACE for other users' processes; those that may not be read are left out.
"""

import os
import re
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

TUN: Final = "/dev/net/tun"
_MACVTAP: Final = re.compile(r"/dev/tap(\d{1,9})")
COMMAND_LINE_LIMIT: Final = 256 * 1024
"""Bytes of a command line that are read; a machine with 100 disks has some 30 kB."""


@dataclass(frozen=True, slots=True)
class Holder:
    """A process that holds such devices."""

    pid: int
    name: str
    netns: int
    """Inode of its network namespace, 0 = not known."""
    arguments: tuple[str, ...]
    names: dict[int, str] = field(default_factory=dict)
    """Name of the tun or tap by descriptor."""
    indexes: dict[int, int] = field(default_factory=dict)
    """Ifindex of the macvtap by descriptor."""


def timed_holders(proc: Path = Path("/proc")) -> tuple[list[Holder], float]:
    """Return all holders, ascending by pid, and the seconds of CPU that looking took."""
    began = time.thread_time()
    found = [_holder(proc, pid) for pid in sorted(int(name) for name in os.listdir(proc) if name.isdigit())]
    return [holder for holder in found if holder is not None], time.thread_time() - began


def _holder(proc: Path, pid: int) -> Holder | None:
    root = f"{proc}/{pid}"
    names, indexes = {}, {}
    try:
        for fd in os.listdir(f"{root}/fd"):
            target = _link(f"{root}/fd/{fd}")
            if target == TUN and (name := _tap_name(f"{root}/fdinfo/{fd}")):
                names[int(fd)] = name
            elif (found := _MACVTAP.fullmatch(target)) is not None:
                indexes[int(fd)] = int(found[1])
    except OSError:
        return None  # it ended meanwhile, or is not ours to look at
    if not names and not indexes:
        return None
    return Holder(pid, _read(f"{root}/comm").strip(), _netns(root), _arguments(root), names, indexes)


def _link(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""


def _tap_name(fdinfo: str) -> str:
    found = re.search(r"^iff:\s*(\S+)$", _read(fdinfo), re.MULTILINE)
    return found[1] if found is not None else ""


def _netns(root: str) -> int:
    try:
        return os.stat(f"{root}/ns/net").st_ino
    except OSError:
        return 0


def _arguments(root: str) -> tuple[str, ...]:
    return tuple(_read(f"{root}/cmdline").rstrip("\0").split("\0"))


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(COMMAND_LINE_LIMIT)
    except OSError:
        return ""
