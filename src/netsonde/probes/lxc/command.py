# SPDX-License-Identifier: Apache-2.0
"""The command socket of one LXC container: questions to its monitor, and its next change of state.

Source: struct lxc_cmd_req, lxc_cmd_rsp and enum lxc_cmd_t of lxc/commands.h, struct lxc_msg of lxc/monitor.h, enum
lxc_state_t of lxc/state.h, all in the byte order and with the pointers of the machine. They are those of LXC 2.1 to 6.
"""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import IntEnum
from typing import Final

from netsonde.errors import SourceLost, WireError

ANSWER_LIMIT: Final = 4096
"""Bytes of one answer, which is a name or a path: all of a container must fit into one node."""

_HEADER: Final = struct.Struct("@iiP")
"""A command or a result, the length of what follows, and a pointer that answers with a number put it into."""
_CREDENTIALS: Final = struct.Struct("@iII")
_MESSAGE: Final = struct.Struct("@i256si")
"""Type, name of the container, new state."""
_NO_STATE: Final = 8
"""MAX_STATE: the answer to who asks for changes, when the state is none of those that it waits for."""


class State(IntEnum):
    STOPPED = 0
    STARTING = 1
    RUNNING = 2
    STOPPING = 3
    ABORTING = 4
    FREEZING = 5
    FROZEN = 6
    THAWED = 7


class Command(IntEnum):
    GET_STATE = 3
    GET_INIT_PID = 4
    GET_CONFIG_ITEM = 7
    GET_NAME = 8
    GET_LXCPATH = 9
    ADD_STATE_CLIENT = 10


class Monitor:
    """Asks one monitor, which closes the connection after each answer.

    WireError for an answer that makes no sense, SourceLost when there is none.
    """

    def __init__(self, address: str) -> None:
        """`address` is that of an abstract socket, without its leading null."""
        self._address = address

    async def state(self) -> State:
        _, number, _ = await self._ask(Command.GET_STATE)
        return _state(self._address, number)

    async def init_pid(self) -> int:
        """Return the first process's pid in our pid namespace; 0 when it has not been made, or has ended."""
        _, number, _ = await self._ask(Command.GET_INIT_PID)
        pid = number & 0xFFFF_FFFF
        return pid if pid < 0x8000_0000 else 0

    async def name(self) -> str:
        return await self._text(Command.GET_NAME)

    async def path(self) -> str:
        """Return the directory that holds the container's own."""
        return await self._text(Command.GET_LXCPATH)

    async def setting(self, key: str) -> str:
        """Return a value of the configuration that the container runs with; "" when it is not set."""
        result, _, data = await self._ask(Command.GET_CONFIG_ITEM, key.encode() + b"\0")
        value = _decoded(data)
        return "" if result < 0 or value == "(null)" else value

    async def _text(self, command: Command) -> str:
        _, _, data = await self._ask(command)
        return _decoded(data)

    async def _ask(self, command: Command, data: bytes = b"") -> tuple[int, int, bytes]:
        async with _connected(self._address) as (reader, writer, _):
            return await _ask(self._address, reader, writer, command, data)


async def owner(address: str) -> int:
    """Return the uid of whoever made a socket, without a question: anybody may make one of any name."""
    async with _connected(address) as (_, _, uid):
        return uid


async def next_state(address: str, known: State) -> State | None:
    """Wait, for ever, until the state is another one and return it; None when the monitor has ended."""
    wanted = struct.pack(f"@{len(State)}i", *(int(state != known) for state in State))
    async with _connected(address) as (reader, writer, _):
        result, _, _ = await _ask(address, reader, writer, Command.ADD_STATE_CLIENT, wanted)
        if result != _NO_STATE:
            return _state(address, result)
        try:
            _, _, value = _MESSAGE.unpack(await reader.readexactly(_MESSAGE.size))
        except (asyncio.IncompleteReadError, OSError):
            return None
        return _state(address, value)


@asynccontextmanager
async def _connected(address: str) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter, int]]:
    """Give a connection and the uid of whoever made the socket at its other end."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        await asyncio.get_running_loop().sock_connect(connection, "\0" + address)
        credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        reader, writer = await asyncio.open_unix_connection(sock=connection)
    except OSError as absent:
        connection.close()
        raise SourceLost(f"no monitor at {address}: {absent.strerror or absent}") from absent
    except BaseException:
        connection.close()
        raise
    try:
        yield reader, writer, _CREDENTIALS.unpack(credentials)[1]
    finally:
        writer.close()


async def _ask(
    address: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, command: Command, data: bytes
) -> tuple[int, int, bytes]:
    """Return result, number and data of the answer."""
    try:
        writer.write(_HEADER.pack(command, len(data), 0) + data)
        result, size, number = _HEADER.unpack(await reader.readexactly(_HEADER.size))
        if not 0 <= size <= ANSWER_LIMIT:
            raise WireError(f"{address}: {command.name} was answered with {size} bytes")
        return result, number, await reader.readexactly(size)
    except (asyncio.IncompleteReadError, OSError) as gone:
        raise SourceLost(f"{address} closed the connection at {command.name}") from gone


def _state(address: str, number: int) -> State:
    try:
        return State(number)
    except ValueError as unknown:
        raise WireError(f"{address}: LXC has no state {number}") from unknown


def _decoded(data: bytes) -> str:
    """Return a C string; names are bytes, and one that is no UTF-8 could be sent to nobody."""
    return data.partition(b"\0")[0].decode("utf-8", "backslashreplace")
