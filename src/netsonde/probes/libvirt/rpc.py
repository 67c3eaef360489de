# SPDX-License-Identifier: Apache-2.0
"""libvirt's remote procedure calls over its Unix socket: calls that overlap, and what the daemon tells by itself.

Source: libvirt, src/rpc/virnetprotocol.x (headers, limits), https://libvirt.org/kbase/internals/rpc.html. A message is
its length, a header of six words and XDR. docs/adr/0026 says why this and not libvirt's own library.
"""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from netsonde.errors import SourceLost, WireError
from netsonde.probes.libvirt.xdr import Unpacker
from netsonde.probes.reaching import unreachable

REMOTE_PROGRAM: Final = 0x20008086
VERSION: Final = 1
CALL, REPLY, MESSAGE = 0, 1, 2
OK: Final = 0
_HEADER: Final = struct.Struct(">IIIiiIi")
"""Length with itself, program, version, procedure, type, serial, status."""
_LENGTH: Final = struct.Struct(">I")
MESSAGE_LIMIT: Final = 32 * 1024 * 1024 + 4
"""Bytes of one message, VIR_NET_MESSAGE_MAX and its length."""
MOST_EVENTS: Final = 10_000
"""Events that wait to be read; with more, the oldest are dropped and `events_lost` tells."""


class CallRefused(Exception):
    """The daemon answered a call with an error: its number (virErrorNumber) and message."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class TooSlow(SourceLost):
    """The daemon took the call and did not answer in time."""


class LibvirtRpc:
    """One connection; any number of tasks call over it at the same time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, timeout: float) -> None:
        self._reader = reader
        self._writer = writer
        self._timeout = timeout
        self._serial = 0
        self._calls: dict[int, asyncio.Future[bytes]] = {}
        self._events: asyncio.Queue[bytes] = asyncio.Queue(MOST_EVENTS)
        self.events_lost = False
        """Whether events were dropped since this was last set to False."""

    @classmethod
    @asynccontextmanager
    async def connect(cls, path: str, timeout: float) -> AsyncIterator["LibvirtRpc"]:
        """Connect; SourceLost when nobody listens. Answers come while `receive` runs.

        `timeout`: seconds that one answer may take.
        """
        try:
            reader, writer = await asyncio.open_unix_connection(path)
        except OSError as absent:
            raise unreachable("libvirt", path, absent, ask="; is libvirtd or virtqemud running?") from absent
        try:
            yield cls(reader, writer, timeout)
        finally:
            writer.close()

    @property
    def daemon_pid(self) -> int:
        """Process that listens at the socket (unix(7), SO_PEERCRED)."""
        connected: socket.socket = self._writer.get_extra_info("socket")
        pid: int = struct.unpack("3i", connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]
        return pid

    async def call(self, procedure: int, arguments: bytes = b"") -> Unpacker:
        """Return the results of a call; CallRefused when the daemon says no, TooSlow when it says nothing."""
        self._serial += 1
        serial = self._serial
        header = _HEADER.pack(_HEADER.size + len(arguments), REMOTE_PROGRAM, VERSION, procedure, CALL, serial, OK)
        answer = self._calls[serial] = asyncio.get_running_loop().create_future()
        self._writer.write(header + arguments)
        try:
            async with asyncio.timeout(self._timeout):
                return Unpacker(await answer)
        except TimeoutError as late:
            raise TooSlow(f"libvirt did not answer within {self._timeout:g} s") from late
        finally:
            self._calls.pop(serial, None)

    async def next_event(self) -> Unpacker:
        """Return the body of what the daemon told next."""
        return Unpacker(await self._events.get())

    async def receive(self) -> None:
        """Take in what comes, for as long as the connection stands; then raises SourceLost or WireError."""
        try:
            while True:
                self._take(await self._message())
        except OSError as lost:
            raise SourceLost(f"connection to libvirt lost: {lost.strerror}") from lost

    async def _message(self) -> bytes:
        try:
            (length,) = _LENGTH.unpack(await self._reader.readexactly(_LENGTH.size))
            if not _HEADER.size <= length <= MESSAGE_LIMIT:
                raise WireError(f"libvirt sent a message of {length} bytes; is this its socket?")
            return await self._reader.readexactly(length - _LENGTH.size)
        except asyncio.IncompleteReadError as closed:
            raise SourceLost("libvirt closed the connection") from closed

    def _take(self, message: bytes) -> None:
        header = Unpacker(message)
        program, _, _ = header.unsigned(), header.unsigned(), header.unsigned()
        kind, serial, status = header.unsigned(), header.unsigned(), header.signed()
        body = message[_HEADER.size - _LENGTH.size :]
        if program != REMOTE_PROGRAM:
            return  # keepalive is not asked for, but nobody has to believe that
        if kind == MESSAGE:
            self._keep_event(body)
        elif kind == REPLY and (waiting := self._calls.get(serial)) is not None and not waiting.done():
            if status == OK:
                waiting.set_result(body)
            else:
                waiting.set_exception(_refusal(body))

    def _keep_event(self, body: bytes) -> None:
        if self._events.full():
            self._events.get_nowait()
            self.events_lost = True
        self._events.put_nowait(body)


def _refusal(body: bytes) -> CallRefused:
    """Read the beginning of `remote_error`."""
    error = Unpacker(body)
    code, _ = error.signed(), error.signed()
    return CallRefused(code, error.optional_string())
