# SPDX-License-Identifier: Apache-2.0
"""Carries feeds over WebSockets for asyncio; otherwise as `live` does."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar

from netsonde.client.errors import NoServer, Unavailable
from netsonde.client.live import Live

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

E = TypeVar("E")


class AsyncSubscription(Live[E]):
    """A feed to iterate over with `async for`, in an `async with` block."""

    _connection: "ClientConnection | None" = None
    _closing: asyncio.Event

    async def __aenter__(self) -> Self:
        self._closing = asyncio.Event()
        await self._connect()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        self._closing.set()
        if self._connection is not None:
            await self._connection.close()

    async def __aiter__(self) -> AsyncIterator[E]:
        """Yield events for ever; raises NoServer at the end of a connection that is not to be made again."""
        from websockets.exceptions import ConnectionClosed

        while not self._closing.is_set():
            assert self._connection is not None, "use it in an async with block"
            with suppress(ConnectionClosed):
                while True:
                    message = await self._connection.recv()
                    self.is_well()
                    for event in self._feed.events(message):
                        yield event
            if self._closing.is_set():
                return
            if not self._reconnect:
                raise self.ended()
            await self._connect_again()

    async def _connect_again(self) -> None:
        while not self._closing.is_set():
            await asyncio.sleep(self.next_delay())
            with suppress(NoServer, Unavailable):
                await self._connect()
                return

    async def _connect(self) -> None:
        from websockets.asyncio.client import connect
        from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

        try:
            self._connection = await connect(self._address, **self._options)
            greeting = self._feed.greeting()
            if greeting is not None:
                await self._connection.send(greeting)
        except InvalidStatus as refusal:
            raise self.refused(refusal) from refusal
        except (OSError, EOFError, InvalidHandshake, ConnectionClosed) as failed:
            raise self.away(failed) from failed
