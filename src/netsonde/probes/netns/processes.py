# SPDX-License-Identifier: Apache-2.0
"""Which processes use which network namespace.

Source: /proc/PID/ns/net, /proc/PID/stat (proc(5)). Needs CAP_SYS_PTRACE for other users' processes; those that may
not be read are left out.
"""

import os
import time
from pathlib import Path
from typing import Final, NamedTuple

USERS_LISTED: Final = 16
"""Processes shown of one namespace."""


class User(NamedTuple):
    """A process that entered a namespace: its parent is in another one. Its children are not listed."""

    pid: int
    name: str


def namespace_of(pid: int, proc: Path = Path("/proc")) -> int | None:
    """Return the inode of a process's namespace, None when it has ended, or is not ours to look at."""
    try:
        return os.stat(f"{proc}/{pid}/ns/net").st_ino
    except OSError:
        return None


def user(pid: int, proc: Path = Path("/proc")) -> User:
    """Return a process by its name, "" when it has ended."""
    return User(pid, _parent_and_name(proc, pid)[1])


def timed_users(own_inode: int) -> tuple[dict[int, list[User]], float]:
    """Return the users of every other namespace, and the seconds of CPU that looking took."""
    began = time.thread_time()
    return namespace_users(own_inode), time.thread_time() - began


def namespace_users(own_inode: int, proc: Path = Path("/proc")) -> dict[int, list[User]]:
    """Return the users of every namespace but the own one, by inode, ascending by pid.

    Only processes that entered are users, or each short-lived child would change the node of its namespace.
    """
    inodes = {
        int(name): inode
        for name in os.listdir(proc)
        if name.isdigit() and (inode := namespace_of(int(name), proc)) is not None
    }
    found: dict[int, list[User]] = {}
    for pid in sorted(pid for pid, inode in inodes.items() if inode != own_inode):
        inode = inodes[pid]
        users = found.setdefault(inode, [])
        parent, process = _parent_and_name(proc, pid)
        if inodes.get(parent) != inode and len(users) < USERS_LISTED:
            users.append(User(pid, process))
    return found


def _parent_and_name(proc: Path, pid: int) -> tuple[int, str]:
    """Return the parent's pid and the process's name, (0, "") when it is gone."""
    try:
        text = (proc / str(pid) / "stat").read_text(errors="replace")
    except OSError:
        return 0, ""
    # The name stands in parentheses and may hold any character, parentheses too.
    before, _, after = text.rpartition(")")
    fields = after.split()
    return (int(fields[1]) if len(fields) > 1 else 0), before.partition("(")[2]
