# SPDX-License-Identifier: Apache-2.0
"""What waits to be sent to one WebSocket client: bounded, never blocking whoever puts."""

import asyncio
from collections import deque

_MOST_CHARACTERS = 64 * 1024 * 1024
"""Waiting for one client; a single message may be longer, as the state of a large graph is."""


class Outbox:
    """Messages in order. When full, everything waiting is dropped and counted, and `take` says so once.

    After that the client is out of step: the owner of the box sends a fresh state, which covers all that is put
    between the overflow and that moment.
    """

    def __init__(self, limit: int) -> None:
        self._messages: deque[str] = deque()
        self._limit = limit
        self._characters = 0
        self._ready = asyncio.Event()
        self._overflowed = False
        self.dropped = 0

    def put(self, message: str) -> None:
        if self._overflowed:
            self.dropped += 1
            return
        too_long = self._characters + len(message) > _MOST_CHARACTERS
        if len(self._messages) >= self._limit or (self._messages and too_long):
            self.dropped += len(self._messages) + 1
            self._messages.clear()
            self._characters = 0
            self._overflowed = True
        else:
            self._messages.append(message)
            self._characters += len(message)
        self._ready.set()

    async def take(self) -> str | None:
        """Wait for the next message; None = there was an overflow, and the state must be sent anew."""
        while not self._messages and not self._overflowed:
            self._ready.clear()
            await self._ready.wait()
        if self._overflowed:
            self._overflowed = False
            return None
        message = self._messages.popleft()
        self._characters -= len(message)
        return message
