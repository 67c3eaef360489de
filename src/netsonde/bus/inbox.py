# SPDX-License-Identifier: Apache-2.0
"""A bounded mailbox between a subscription and its reader that fails when the connection does."""

import asyncio
from collections import deque
from typing import Generic, TypeVar

from netsonde.errors import SourceLost

T = TypeVar("T")


class Inbox(Generic[T]):
    """First in, first out, one reader. An overrun fails the reader, who starts again from what it last saw."""

    def __init__(self, limit: int) -> None:
        self._items: deque[T] = deque()
        self._limit = limit
        self._changed = asyncio.Event()
        self._failure = ""

    def __len__(self) -> int:
        return len(self._items)

    def put(self, item: T) -> None:
        if len(self._items) >= self._limit:
            self.fail(f"reader is more than {self._limit} messages behind")
            return
        self._items.append(item)
        self._changed.set()

    def fail(self, reason: str) -> None:
        """Make `get` raise SourceLost once the items that are there are taken."""
        self._failure = self._failure or reason
        self._changed.set()

    async def get(self, timeout: float, silence: str) -> T:
        """Wait up to `timeout` seconds; raise SourceLost on failure, or with `silence` when nothing comes."""
        if not await self.wait(timeout):
            raise SourceLost(silence)
        return self._items.popleft()

    async def wait(self, timeout: float) -> bool:
        """Wait up to `timeout` seconds for an item; tells whether there is one, raises SourceLost on failure."""
        while not self._items:
            if self._failure:
                raise SourceLost(self._failure)
            self._changed.clear()
            try:
                async with asyncio.timeout(timeout):
                    await self._changed.wait()
            except TimeoutError:
                return False
        return True

    def take(self) -> list[T]:
        """Return what is there now, without waiting."""
        taken = list(self._items)
        self._items.clear()
        return taken
