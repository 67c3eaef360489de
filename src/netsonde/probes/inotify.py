# SPDX-License-Identifier: Apache-2.0
"""Files that come and go in directories.

Source: inotify(7), linux/inotify.h.
"""

import ctypes
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

IN_MOVED_FROM: Final = 0x40
IN_MOVED_TO: Final = 0x80
IN_CREATE: Final = 0x100
IN_DELETE: Final = 0x200
IN_ISDIR: Final = 0x40000000

IN_COMES: Final = IN_CREATE | IN_MOVED_TO
IN_GOES: Final = IN_DELETE | IN_MOVED_FROM

_EVENT = struct.Struct("=iIII")
_libc = ctypes.CDLL(None, use_errno=True)


class FileEvent(NamedTuple):
    """Something happened to `name` in the directory watched as `watch`; "" = to the directory itself."""

    watch: int
    mask: int
    name: str


def open_inotify() -> int:
    """Return a descriptor that becomes readable with events; OSError when the system has no more of them."""
    found: int = _libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    if found < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"inotify: {os.strerror(number)}")
    return found


def add_watch(inotify: int, directory: Path) -> int:
    """Watch files that come to and go from a directory; return the watch, -1 when that cannot be done."""
    found: int = _libc.inotify_add_watch(inotify, os.fsencode(directory), ctypes.c_uint32(IN_COMES | IN_GOES))
    return found


def decode_events(data: bytes) -> Iterator[FileEvent]:
    """Yield the events of one read from an inotify descriptor."""
    at = 0
    while at + _EVENT.size <= len(data):
        watch, mask, _, length = _EVENT.unpack_from(data, at)
        at += _EVENT.size
        yield FileEvent(watch, mask, os.fsdecode(data[at : at + length].split(b"\0", 1)[0]))
        at += length


def drain(inotify: int) -> list[FileEvent]:
    """Return all events that wait."""
    found: list[FileEvent] = []
    while True:
        try:
            found += decode_events(os.read(inotify, 65536))
        except BlockingIOError:
            return found
