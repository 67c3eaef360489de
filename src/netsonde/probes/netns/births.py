# SPDX-License-Identifier: Apache-2.0
"""Processes that were made, or began another program, as the kernel tells them: one may be in a namespace of its own.

Source: the process events connector, linux/cn_proc.h and linux/connector.h, in host byte order. Needs the first network
and pid namespaces and CAP_NET_ADMIN in the first user namespace; where it does not answer, /proc is looked through at
intervals only. The kernel has no event for unshare(2) and setns(2): who goes on without another program is found so.
"""

import asyncio
import contextlib
import ctypes
import os
import socket
import struct
import time
from collections.abc import Callable, Iterator
from typing import Final

from netsonde.errors import Unsupported
from netsonde.probes.netlink_wire import messages

NETLINK_CONNECTOR: Final = 11
CN_IDX_PROC: Final = 1
CN_VAL_PROC: Final = 1
NLMSG_DONE: Final = 3
PROC_CN_MCAST_LISTEN: Final = 1
PROC_CN_MCAST_IGNORE: Final = 2
PROC_EVENT_NONE: Final = 0
"""The answer to one of these two."""
PROC_EVENT_FORK: Final = 1
PROC_EVENT_EXEC: Final = 2
SO_ATTACH_FILTER: Final = 26
READ_SIZE: Final = 4096
READ_LIMIT: Final = 64
"""Events taken in one turn of the loop."""
CPU_SHARE: Final = 0.02
"""Part of a core that following events may take: one costs some 15 µs, a busy build host makes thousands a second."""
TURN_COST: Final = 0.00003
"""Seconds of CPU that the loop takes to call us, about; where there are many events, more are taken in one turn."""
SAVED: Final = 0.02
"""Seconds of CPU that may be taken at once after a quiet time."""

_HEADER = struct.Struct("=IHHII")
_CN_MSG = struct.Struct("=IIIIHH")
_EVENT = struct.Struct("=IIQ")
_FORK = struct.Struct("=iiii")
_EXEC = struct.Struct("=ii")
_WHAT = _HEADER.size + _CN_MSG.size
_CHILD = _WHAT + _EVENT.size + 8
_LOAD, _EQUAL, _SAME, _RETURN, _KEEP_X = 0x20, 0x15, 0x1D, 0x06, 0x07
"""BPF_LD|W|ABS, BPF_JMP|JEQ|K, BPF_JMP|JEQ|X, BPF_RET|K, BPF_MISC|TAX of linux/filter.h."""
_WHOLE: Final = 0xFFFF


def pids(data: bytes) -> Iterator[int]:
    """Yield the pids that the events in a datagram tell of, threads left out; WireError when it is cut."""
    for message in messages(data):
        at = message.start + _CN_MSG.size
        if message.end - at < _EVENT.size:
            continue
        (what, _, _), at = _EVENT.unpack_from(data, at), at + _EVENT.size
        if what == PROC_EVENT_FORK and message.end - at >= _FORK.size:
            _, _, thread, process = _FORK.unpack_from(data, at)
            if thread == process:
                yield process
        elif what == PROC_EVENT_EXEC and message.end - at >= _EXEC.size:
            yield _EXEC.unpack_from(data, at)[1]


def open_births() -> socket.socket:
    """Return a socket that becomes readable with events, not blocking; Unsupported, with the reason, without any."""
    with contextlib.ExitStack() as unless_told:
        try:
            # Kernels without the connector refuse the socket itself.
            found = socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC, NETLINK_CONNECTOR)
            unless_told.enter_context(found)
            _listen(found)
        except OSError as refused:
            raise Unsupported(f"the kernel tells no process events: {os.strerror(refused.errno or 0)}") from refused
        unless_told.pop_all()
    return found


def _listen(found: socket.socket) -> None:
    found.setblocking(False)
    _attach_filter(found)
    found.bind((0, CN_IDX_PROC))
    found.send(_request(PROC_CN_MCAST_LISTEN))
    # The kernel answers before send() returns, or, to whom it does not obey, never.
    if not any(_is_answer(data) for data in _received(found)):
        raise Unsupported("the kernel tells no process events: CAP_NET_ADMIN and the host's namespaces are needed")


def close_births(listening: socket.socket) -> None:
    """Close it; kernels before 6.6 go on making events as long as nobody says that they are not wanted."""
    with listening:
        listening.send(_request(PROC_CN_MCAST_IGNORE))


def read_births(listening: socket.socket) -> bytes | None:
    """Return the next datagram, None when there is none; OSError with ENOBUFS when some were lost."""
    try:
        return listening.recv(READ_SIZE)
    except BlockingIOError:
        return None


class BirthWatcher:
    """Tells which processes were born, many at once where there are many; what exceeds its share of CPU is lost."""

    def __init__(self, born: Callable[[list[int]], None]) -> None:
        """Unsupported where the kernel tells nothing."""
        self._born = born
        self._socket = open_births()
        self._loop = asyncio.get_running_loop()
        self._saved = SAVED
        self._spent_at = self._loop.time()
        self._rest: asyncio.TimerHandle | None = None
        self.lost = 0
        """How often the kernel dropped events since nobody read them in time."""
        self._loop.add_reader(self._socket, self._readable)

    def close(self) -> None:
        if self._rest is not None:
            self._rest.cancel()
        self._loop.remove_reader(self._socket)
        close_births(self._socket)

    def _readable(self) -> None:
        began = time.thread_time()
        found = list(self._read())
        if found:
            self._born(found)
        self._spend(time.thread_time() - began + TURN_COST)

    def _read(self) -> Iterator[int]:
        for _ in range(READ_LIMIT):
            try:
                data = read_births(self._socket)
            except OSError:
                self.lost += 1  # ENOBUFS; what comes next is there all the same
                continue
            if data is None:
                return
            yield from pids(data)

    def _spend(self, seconds: float) -> None:
        now = self._loop.time()
        self._saved = min(SAVED, self._saved + (now - self._spent_at) * CPU_SHARE) - seconds
        self._spent_at = now
        if self._saved < 0:
            self._loop.remove_reader(self._socket)
            self._rest = self._loop.call_later(-self._saved / CPU_SHARE, self._go_on)

    def _go_on(self) -> None:
        self._rest = None
        self._loop.add_reader(self._socket, self._readable)


def _received(listening: socket.socket) -> Iterator[bytes]:
    while (data := read_births(listening)) is not None:
        yield data


def _is_answer(data: bytes) -> bool:
    return any(
        message.end - message.start >= _CN_MSG.size + 4
        and data[message.start + _CN_MSG.size : message.start + _CN_MSG.size + 4] == bytes(4)
        for message in messages(data)
    )


def _request(operation: int) -> bytes:
    body = _CN_MSG.pack(CN_IDX_PROC, CN_VAL_PROC, 0, 0, 4, 0) + struct.pack("=I", operation)
    return _HEADER.pack(_HEADER.size + len(body), NLMSG_DONE, 0, 0, os.getpid()) + body


def _attach_filter(listening: socket.socket) -> None:
    """Leave threads, ends and changes of identity in the kernel: they are most of the events."""
    fork, program, answer = (socket.htonl(each) for each in (PROC_EVENT_FORK, PROC_EVENT_EXEC, PROC_EVENT_NONE))
    instructions = (
        (_LOAD, 0, 0, _WHAT),
        (_EQUAL, 6, 0, program),
        (_EQUAL, 5, 0, answer),
        (_EQUAL, 0, 5, fork),
        (_LOAD, 0, 0, _CHILD),
        (_KEEP_X, 0, 0, 0),
        (_LOAD, 0, 0, _CHILD + 4),
        (_SAME, 0, 1, 0),
        (_RETURN, 0, 0, _WHOLE),
        (_RETURN, 0, 0, 0),
    )
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *each) for each in instructions))
    program_of = struct.pack("HL", len(instructions), ctypes.addressof(code))
    listening.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, program_of)
