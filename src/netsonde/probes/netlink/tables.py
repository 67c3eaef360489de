# SPDX-License-Identifier: Apache-2.0
"""Records kept by interface, made equal to a dump without disturbing what events say meanwhile. Pure.

The kernel queues dump answers and events on one socket in the order in which they happened. So a record that neither
the dump nor an event has confirmed between its first and last message is gone, and nothing else is.
"""

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
R = TypeVar("R")


MOST_TOLD_APART: Final = 65_536
"""Records beyond the limit, of one interface, that are told from each other: a router may have a million routes."""


@dataclass(slots=True)
class _Omitted:
    """What is beyond the limit: hashes of keys, and how many more there are, about."""

    hashes: set[int] = field(default_factory=set)
    more: int = 0

    def __len__(self) -> int:
        return len(self.hashes) + self.more

    def add(self, key: Hashable) -> bool:
        """Count a record; whether it was not counted before."""
        if hash(key) in self.hashes:
            return False
        if len(self.hashes) < MOST_TOLD_APART:
            self.hashes.add(hash(key))
        else:
            self.more += 1
        return True

    def drop(self, key: Hashable) -> bool:
        if hash(key) in self.hashes:
            self.hashes.remove(hash(key))
            return True
        counted = self.more > 0
        self.more -= counted
        return counted


class RecordTable(Generic[K, R]):
    """Records of one sort by ifindex and key, `limit` at most for an interface; what is beyond is only counted."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._records: dict[int, dict[K, R]] = {}
        self._omitted: dict[int, _Omitted] = {}
        self._omitted_before: dict[int, int] = {}
        self._confirmed: set[tuple[int, K]] | None = None

    def of(self, ifindex: int) -> dict[K, R]:
        """Return the records of an interface in the order in which they came; not to be changed."""
        return self._records.get(ifindex, {})

    def omitted(self, ifindex: int) -> int:
        """Return how many more there are; an estimate where they are more than MOST_TOLD_APART."""
        return len(self._omitted.get(ifindex, ()))

    def put(self, ifindex: int, key: K, record: R) -> R | None:
        """Keep a record and return the one it replaces."""
        records = self._records.setdefault(ifindex, {})
        before = records.get(key)
        if self._confirmed is not None:
            self._confirmed.add((ifindex, key))
            # What was lost may have changed the order, which the dump tells.
            records.pop(key, None)
            if before is None and len(records) >= self._limit:
                self._make_room(ifindex, records)
        if before is None and len(records) >= self._limit:
            self._omitted.setdefault(ifindex, _Omitted()).add(key)
            return None
        if before is None and ifindex in self._omitted:
            self._omitted[ifindex].drop(key)
        records[key] = record
        return before

    def _make_room(self, ifindex: int, records: dict[K, R]) -> None:
        """Forget the oldest record if the dump has not confirmed it: it is likely to be gone, and comes back if not."""
        oldest = next(iter(records), None)
        if oldest is not None and (ifindex, oldest) not in (self._confirmed or ()):
            del records[oldest]

    def drop(self, ifindex: int, key: K) -> bool:
        """Forget a record; return whether anything shown changed."""
        if self._records.get(ifindex, {}).pop(key, None) is not None:
            return True
        return ifindex in self._omitted and self._omitted[ifindex].drop(key)

    def drop_interface(self, ifindex: int) -> None:
        self._records.pop(ifindex, None)
        self._omitted.pop(ifindex, None)
        self._omitted_before.pop(ifindex, None)

    def begin(self) -> None:
        """A dump begins."""
        self._confirmed = set()
        # Of dumps that were broken off, those before the first are shown.
        self._omitted_before = {ifindex: len(left) for ifindex, left in self._omitted.items()} | self._omitted_before
        self._omitted = {}

    def finish(self) -> set[int]:
        """The dump ended: forget what is stale, return the interfaces that lost a record, or have another number of
        those that are only counted."""
        confirmed, self._confirmed = self._confirmed or set(), None
        stale = [(ifindex, key) for ifindex, key in self._keys() if (ifindex, key) not in confirmed]
        for ifindex, key in stale:
            del self._records[ifindex][key]
        before, self._omitted_before = self._omitted_before, {}
        recounted = {each for each in {*before, *self._omitted} if before.get(each, 0) != self.omitted(each)}
        return {ifindex for ifindex, _ in stale} | recounted

    def _keys(self) -> Iterator[tuple[int, K]]:
        for ifindex, records in self._records.items():
            for key in records:
                yield ifindex, key
