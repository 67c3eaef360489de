# SPDX-License-Identifier: Apache-2.0
"""A bounded queue that never blocks its producer and counts what it had to drop."""

import asyncio
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class DroppingQueue(Generic[T]):
    """First in, first out; when full, the oldest item is dropped and `dropped` grows by one.

    One consumer, any number of producers, all on one event loop.
    """

    def __init__(self, limit: int) -> None:
        if limit < 1:
            raise ValueError(f"queue limit must be at least 1, got {limit}")
        self._items: deque[T] = deque()
        self._limit = limit
        self._ready = asyncio.Event()
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._items)

    def put(self, item: T) -> bool:
        """Append; return False when the oldest item had to go."""
        kept_all = len(self._items) < self._limit
        if not kept_all:
            self._items.popleft()
            self.dropped += 1
        self._items.append(item)
        self._ready.set()
        return kept_all

    async def get(self) -> T:
        """Wait for the next item."""
        while not self._items:
            self._ready.clear()
            await self._ready.wait()
        return self._items.popleft()

    def drain(self, limit: int) -> list[T]:
        """Take up to `limit` items that are there now, without waiting."""
        return [self._items.popleft() for _ in range(min(limit, len(self._items)))]
