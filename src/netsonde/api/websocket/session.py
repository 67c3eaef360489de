# SPDX-License-Identifier: Apache-2.0
"""Sequence numbers of one client's messages, and the last of them, kept for when it was cut off and comes back."""

import secrets
from collections import deque

from netsonde.api.websocket.envelope import numbered

_MOST_CHARACTERS = 4 * 1024 * 1024
"""Kept of what was sent: more than the buffers of a connection hold, so what it lost is there."""


class Session:
    """Numbers from 1 on, without gaps, in the order of sending."""

    def __init__(self, limit: int, most_characters: int = _MOST_CHARACTERS) -> None:
        self.id = secrets.token_hex(16)
        """Cannot be guessed: who knows it gets what was meant for the client."""
        self.last = 0
        """Number of the last message."""
        self._sent: deque[str] = deque()
        """Without their numbers: what goes to several clients is one text in memory."""
        self._limit = limit
        self._most_characters = most_characters
        self._characters = 0
        self._floor = 0
        """The lowest number at which a client can be whole."""

    def number(self, message: str) -> str:
        """Give a message, about to be sent, its number; keep it."""
        self.last += 1
        self._sent.append(message)
        self._characters += len(message)
        while self._sent and (len(self._sent) > self._limit or self._characters > self._most_characters):
            self._characters -= len(self._sent.popleft())
        return numbered(message, self.last)

    def cut(self) -> None:
        """Note that messages were dropped: only a client that has the next one, a new state, is whole again."""
        self._sent.clear()
        self._characters = 0
        self._floor = self.last + 1

    def after(self, seq: int) -> list[str] | None:
        """Return the messages after a number, as they were sent; None when they are not all there any more."""
        first = self.last - len(self._sent)
        if not max(first, self._floor) <= seq <= self.last:
            return None
        return [numbered(text, first + at) for at, text in enumerate(self._sent, start=1) if first + at > seq]
