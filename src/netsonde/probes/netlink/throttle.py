# SPDX-License-Identifier: Apache-2.0
"""Holds back repeated changes of one thing: the first passes at once, the next after a delay. Pure."""

from collections.abc import Hashable, Iterable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


class Throttle(Generic[K]):
    """Times are seconds of any steady clock."""

    def __init__(self, delay: float) -> None:
        self._delay = delay
        self._passed: dict[K, float] = {}
        self._held: set[K] = set()

    def offer(self, keys: Iterable[K], now: float) -> set[K]:
        """Return those that may pass now; the others are held until `release`."""
        passing = set()
        for key in keys:
            if now - self._passed.get(key, -self._delay) >= self._delay:
                passing.add(key)
                self._passed[key] = now
            else:
                self._held.add(key)
        self._held -= passing
        return passing

    def release(self, now: float) -> set[K]:
        """Return the held ones whose time has come."""
        return self.offer(list(self._held), now) if self._held else set()

    def next_at(self) -> float | None:
        """Return when `release` should be called, None when nothing is held."""
        return min((self._passed[key] + self._delay for key in self._held), default=None)

    def forget(self, key: K) -> None:
        self._passed.pop(key, None)
        self._held.discard(key)
