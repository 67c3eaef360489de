# SPDX-License-Identifier: Apache-2.0
"""One LXD or Incus, asked and followed over its socket.

Source: REST API 1.0, and its events over a WebSocket.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Final

from netsonde.errors import SourceLost, WireError
from netsonde.probes.lxd.api import Instance, Server, decode, decode_instances
from netsonde.probes.unix_http import UnixHttp

INSTANCES: Final = "/1.0/instances?recursion=1&all-projects=true"
EVENTS: Final = "/1.0/events?type=lifecycle&all-projects=true"
CLOSE_TIMEOUT: Final = 1.0
"""Seconds that a daemon that hangs has to say good-bye."""
EVENT_LIMIT: Final = 1024 * 1024
"""Bytes of one event."""


async def first_listening(sockets: Iterable[str]) -> str:
    """Return the first socket that somebody listens at, else the first that is there, "" when none is.

    A daemon that was removed may leave its socket behind.
    """
    left = ""
    for socket in sockets:
        try:
            _, writer = await asyncio.open_unix_connection(socket)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError:
            left = left or socket
            continue
        writer.close()
        return socket
    return left


class Lxd:
    """The daemon at one socket. SourceLost when it is away or too slow, WireError when it says what it should not."""

    def __init__(self, socket: str, timeout: float) -> None:
        self._socket = socket
        self._timeout = timeout
        self._http = UnixHttp(socket, timeout)

    async def meet(self) -> Server:
        return decode(await self._get("/1.0"), Server)

    async def instances(self) -> list[Instance]:
        """Return the instances of all projects, in a cluster those of other members too."""
        return await asyncio.to_thread(decode_instances, await self._get(INSTANCES))

    async def _get(self, target: str) -> bytes:
        answer = await self._http.get(target)
        if answer.status != 200:
            raise WireError(f"{target} was answered with status {answer.status}")
        return answer.body

    @asynccontextmanager
    async def events(self) -> AsyncIterator[AsyncIterator[str | bytes]]:
        """Give the events from now on; the daemon has taken the request when this begins."""
        # Loaded when there is a daemon: others need not pay for it.
        from websockets.asyncio.client import unix_connect
        from websockets.exceptions import WebSocketException

        try:
            async with unix_connect(
                self._socket,
                f"ws://lxd{EVENTS}",
                open_timeout=self._timeout,
                close_timeout=CLOSE_TIMEOUT,
                max_size=EVENT_LIMIT,
                proxy=None,
            ) as connection:
                yield connection.__aiter__()
        except (OSError, WebSocketException) as lost:
            raise SourceLost(f"{self._socket} does not tell of changes any more: {lost}") from lost
