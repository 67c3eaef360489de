# SPDX-License-Identifier: Apache-2.0
"""Records kept by interface, made equal to a dump without disturbing what events say meanwhile. Pure.

The kernel queues dump answers and events on one socket in the order in which they happened. So a record that neither
the dump nor an event has confirmed between its first and last message is gone, and nothing else is.
"""

from collections.abc import Hashable, Iterator
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
R = TypeVar("R")


class RecordTable(Generic[K, R]):
    """Records of one sort by ifindex and key, `limit` at most for an interface; what is beyond is only counted."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._records: dict[int, dict[K, R]] = {}
        self._omitted: dict[int, int] = {}
        self._confirmed: set[tuple[int, K]] | None = None

    def of(self, ifindex: int) -> dict[K, R]:
        """Return the records of an interface in the order in which they came; not to be changed."""
        return self._records.get(ifindex, {})

    def omitted(self, ifindex: int) -> int:
        """Return how many more there are; an estimate once some of them were replaced."""
        return self._omitted.get(ifindex, 0)

    def put(self, ifindex: int, key: K, record: R) -> R | None:
        """Keep a record and return the one it replaces."""
        records = self._records.setdefault(ifindex, {})
        before = records.get(key)
        if self._confirmed is not None:
            self._confirmed.add((ifindex, key))
            # What was lost may have changed the order, which the dump tells.
            records.pop(key, None)
        if before is None and len(records) >= self._limit:
            self._omitted[ifindex] = self._omitted.get(ifindex, 0) + 1
            return None
        records[key] = record
        return before

    def drop(self, ifindex: int, key: K) -> bool:
        """Forget a record; return whether anything shown changed."""
        records = self._records.get(ifindex)
        if records is None:
            return False
        if records.pop(key, None) is not None:
            return True
        if self._omitted.get(ifindex, 0):
            self._omitted[ifindex] -= 1
            return True
        return False

    def drop_interface(self, ifindex: int) -> None:
        self._records.pop(ifindex, None)
        self._omitted.pop(ifindex, None)

    def begin(self) -> None:
        """A dump begins."""
        self._confirmed = set()
        self._omitted = {}

    def finish(self) -> set[int]:
        """The dump ended: forget what is stale, return the interfaces that lost a record."""
        confirmed, self._confirmed = self._confirmed or set(), None
        stale = [(ifindex, key) for ifindex, key in self._keys() if (ifindex, key) not in confirmed]
        for ifindex, key in stale:
            del self._records[ifindex][key]
        return {ifindex for ifindex, _ in stale}

    def _keys(self) -> Iterator[tuple[int, K]]:
        for ifindex, records in self._records.items():
            for key in records:
                yield ifindex, key
