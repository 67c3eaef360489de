# SPDX-License-Identifier: Apache-2.0
"""Enters namespaces of another process before a seed runs in them; see setns(2), namespaces(7).

Whatever is imported later is looked for in the files of the mount namespace: import first.
"""

import ctypes
import os
import signal
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Final

from netsonde.errors import UserError

KINDS: Final[Mapping[str, int]] = {
    "user": 0x1000_0000,
    "ipc": 0x0800_0000,
    "pid": 0x2000_0000,
    "mount": 0x0002_0000,
}
"""CLONE_NEW… of linux/sched.h. That of users comes first, since it gives the rights to enter the others."""
_libc = ctypes.CDLL(None, use_errno=True)


def enter(paths: Mapping[str, str]) -> None:
    """Enter namespaces by the paths of their files, kind by kind. Raises UserError that names the path.

    With one of processes this goes on in a child, which alone is in it; its parent waits, and ends as it does.
    """
    with ExitStack() as opened:
        files = {kind: open_namespace(kind, path) for kind, path in paths.items()}
        for file in files.values():
            opened.callback(os.close, file)
        for kind, flag in KINDS.items():
            if kind in files and _libc.setns(files[kind], flag) != 0:
                reason = os.strerror(ctypes.get_errno())
                raise UserError(f"cannot enter the {kind} namespace {paths[kind]}: {reason}", hint=_hint(kind))
    if "pid" in paths:
        _go_on_in_child()


def _hint(kind: str) -> str:
    if kind in ("user", "mount") and threading.active_count() > 1:
        return "this process has several threads already"
    return "run as root"


def open_namespace(kind: str, path: str) -> int:
    """Return a descriptor of a namespace's file. Raises UserError that names the path."""
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as missing:
        raise UserError(f"cannot open the {kind} namespace {path}: {missing.strerror}") from missing


def _go_on_in_child() -> None:
    child = os.fork()
    if child == 0:
        return
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda told, _: os.kill(child, told))
    _, status = os.waitpid(child, 0)
    os._exit(os.waitstatus_to_exitcode(status) & 0xFF)
