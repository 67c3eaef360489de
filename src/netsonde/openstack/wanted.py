# SPDX-License-Identifier: Apache-2.0
"""Ports that are asked for before the next look at the whole cloud: new interfaces, and those that are not up yet."""

import asyncio
from collections.abc import Callable
from typing import Final

MOST: Final = 10_000
"""Ports that may wait; more are left to the next look at the whole cloud, and counted."""
FIRST: Final = 0.2
"""Seconds until the first question, in which others may join it."""
_TRIES: Final = 8
"""Questions, each after twice the time of the one before: some 50 seconds in all."""


class Wanted:
    """Ids of ports with the time of their next question."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._waiting: dict[str, tuple[float, int]] = {}
        """When, in the clock's seconds, and how often it was asked for."""
        self._left: dict[str, None] = {}
        """What was asked for often enough."""
        self.dropped = 0
        self.woken = asyncio.Event()

    def want(self, port_id: str) -> None:
        """Ask for a port soon, and some times more; nothing new for one that is waited for."""
        if port_id in self._waiting or port_id in self._left:
            return
        if len(self._waiting) >= MOST:
            self.dropped += 1
            return
        self._waiting[port_id] = (self._now() + FIRST, 0)
        self.woken.set()

    def drop(self, port_id: str) -> None:
        """Ask no more: it is there and up, or its interface is gone."""
        self._waiting.pop(port_id, None)
        self._left.pop(port_id, None)

    def next_in(self) -> float | None:
        """Return the seconds until there is something to ask for, None = nothing."""
        return max(0.0, min(at for at, _ in self._waiting.values()) - self._now()) if self._waiting else None

    def take(self, most: int) -> list[str]:
        """Return the ports to ask for now, those that have waited longest first."""
        now = self._now()
        due = sorted((at, port_id) for port_id, (at, _) in self._waiting.items() if at <= now)[:most]
        for _, port_id in due:
            _, tries = self._waiting.pop(port_id)
            if tries + 1 < _TRIES:
                self._waiting[port_id] = (now + FIRST * 2 ** (tries + 1), tries + 1)
            else:
                self._left[port_id] = None
                if len(self._left) > MOST:
                    del self._left[next(iter(self._left))]
        return [port_id for _, port_id in due]
