# SPDX-License-Identifier: Apache-2.0
"""What parts that keep definitions need of a key-value store, as Protocols, and how they follow one.

`bus.Bucket` is such a store.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import Literal, Protocol, TypeVar

from netsonde.aio.tasks import HealthSink

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Entry(Protocol[T_co]):
    """What a watch yields; `current` comes once, after everything that was there at the beginning.

    A `put` without a value could not be decoded.
    """

    @property
    def kind(self) -> Literal["put", "delete", "current"]: ...
    @property
    def key(self) -> str: ...
    @property
    def value(self) -> T_co | None: ...
    @property
    def revision(self) -> int: ...


class Store(Protocol[T]):
    """One bucket. Methods raise SourceLost while the store is away; watches go on by themselves."""

    async def items(self, keys: str = ">") -> dict[str, T]:
        """Return what is there under these keys, as `watch` takes them."""

    async def put(self, key: str, value: T, *, ttl_s: float = 0) -> int:
        """Write the value whatever is there; returns its revision. It expires after `ttl_s` seconds, 0 = never."""

    async def create(self, key: str, value: T) -> int:
        """Write the value unless there is one (Conflict); returns its revision."""

    async def update(self, key: str, value: T, revision: int, *, ttl_s: float = 0) -> int:
        """Replace the value of that revision; Conflict when it was changed or deleted meanwhile."""

    async def delete(self, key: str, *, revision: int | None = None) -> bool:
        """Delete the value (of that revision, else Conflict); returns whether there was one."""

    def watch(self, keys: str = ">") -> AsyncIterator[Entry[T]]:
        """Yield what is there, `current`, then every change; `*` stands for what is before or after a dot."""


class Log(Protocol[T]):
    """A bucket whose keys are written once, and read backwards. Methods raise SourceLost while it is away."""

    async def put(self, key: str, value: T) -> int:
        """Write the value; returns its revision, greater than those before."""

    async def latest(self, limit: int, *, before: int = 0) -> Sequence[Entry[T]]:
        """Return at most so many entries, the newest first; with `before`, those before that revision."""


async def follow(
    store: Store[T],
    *,
    known: Iterable[str],
    put: Callable[[str, T, int], None],
    gone: Callable[[str], None],
    current: Callable[[], None],
) -> None:
    """Tell what a bucket holds and how it changes, until cancelled; others have their turn after each entry.

    `put` hears of key, value and revision, `gone` of a key, `current` once everything has been read. Of the keys that
    were `known` from an earlier run, those that are not there any more are gone before `current`.
    """
    missed = set(known)
    async for entry in store.watch():
        missed.discard(entry.key)
        if entry.kind == "current":
            for key in missed:
                gone(key)
            missed = set()
            current()
        elif entry.value is None:
            gone(entry.key)
        else:
            put(entry.key, entry.value, entry.revision)
        await asyncio.sleep(0)


class Reading:
    """Several buckets that have to be read before work can begin."""

    def __init__(self, *buckets: str) -> None:
        self._unread = set(buckets)
        self._done = asyncio.Event()

    def read(self, bucket: str, health: HealthSink) -> None:
        """Note that a bucket was read; the part is running once all are."""
        self._unread.discard(bucket)
        if not self._unread:
            self._done.set()
            health.running()

    def has_read(self, bucket: str) -> bool:
        return bucket not in self._unread

    @property
    def is_done(self) -> bool:
        return self._done.is_set()

    async def done(self) -> None:
        """Wait until all have been read once."""
        await self._done.wait()
