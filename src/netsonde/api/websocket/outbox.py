# SPDX-License-Identifier: Apache-2.0
"""What waits to be sent to one WebSocket client: bounded, never blocking whoever puts."""

import asyncio
from collections import deque

MOST_CHARACTERS = 64 * 1024 * 1024
"""Waiting for one client; a single message may be longer, as the state of a large graph is."""


class Outbox:
    """Messages in order. When full, everything waiting is dropped and counted, and `take` says so once.

    After that the client is out of step: the owner of the box sends a fresh state, which covers all that is put
    between the overflow and that moment.
    """

    def __init__(self, limit: int) -> None:
        self._messages: deque[str] = deque()
        self._held: deque[str] | None = None
        self._limit = limit
        self._characters = 0
        self._ready = asyncio.Event()
        self.most_characters = MOST_CHARACTERS
        self.overflowed = False
        """Whether messages were dropped and the client does not know yet."""
        self.dropped = 0

    def put(self, message: str) -> None:
        if self.overflowed:
            self.dropped += 1
            return
        waiting = len(self._messages) + len(self._held or ())
        too_long = self._characters + len(message) > self.most_characters
        if waiting >= self._limit or (waiting and too_long):
            self.dropped += waiting + 1
            self._messages.clear()
            self._held = None if self._held is None else deque()
            self._characters = 0
            self.overflowed = True
            self._ready.set()
            return
        self._characters += len(message)
        if self._held is not None:
            self._held.append(message)
            return
        self._messages.append(message)
        self._ready.set()

    def hold(self) -> None:
        """Let what is put from now on wait for `release`: it comes after a state that is being made."""
        self._held = deque() if self._held is None else self._held

    def release(self, first: str = "") -> None:
        """Put a message, then what was held."""
        held, self._held = self._held or deque(), None
        if first:
            self.put(first)
        if self.overflowed:
            self.dropped += len(held)
            return
        self._messages.extend(held)
        self._ready.set()

    async def take(self) -> str | None:
        """Wait for the next message; None = there was an overflow, and the state must be sent anew."""
        while not self._messages and not self.overflowed:
            self._ready.clear()
            await self._ready.wait()
        if self.overflowed:
            self.overflowed = False
            return None
        message = self._messages.popleft()
        self._characters -= len(message)
        return message
