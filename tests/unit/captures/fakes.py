# SPDX-License-Identifier: Apache-2.0
"""Second implementations of what captures meet: an engine, a store, a lease, a clock moved by hand."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, Literal, TypeVar

from netsonde.aio.clock import Clock
from netsonde.captures.engines._api import EventKind, Point, TapCounters, TapEvent, ToldCounters
from netsonde.errors import Conflict, SourceLost
from netsonde.model.captures import Capture

T = TypeVar("T")


@dataclass
class ManualTime:
    """Both times of a Clock, moved together."""

    seconds: float = 1000.0

    def clock(self) -> Clock:
        return Clock(lambda: round(self.seconds * 1000), lambda: self.seconds)

    def move(self, seconds: float) -> None:
        self.seconds += seconds


@dataclass
class FakeEngine:
    """Records what it is told; `refuse` makes the next starts fail with its text."""

    name: str = "packet"
    refuse: str = ""
    arms: list[bool] = field(default_factory=list)
    running: dict[Point, tuple[Capture, str, str]] = field(default_factory=dict)
    starts: int = 0
    forgotten: list[str] = field(default_factory=list)
    counted: dict[Point, TapCounters] = field(default_factory=dict)
    heard: dict[Point, ToldCounters] = field(default_factory=dict)
    closed: bool = False

    def __post_init__(self) -> None:
        self.event_fd = os.eventfd(0, os.EFD_NONBLOCK)
        self._events: list[TapEvent] = []

    def start(self, point: Point, capture: Capture, *, ifname: str, node_tid: str) -> None:
        self.starts += 1
        if self.refuse:
            raise OSError(self.refuse)
        self.running[point] = (capture, ifname, node_tid)

    def stop(self, point: Point) -> None:
        self.running.pop(point, None)

    def forget(self, capture: str) -> None:
        self.forgotten.append(capture)

    def arm(self, *, armed: bool) -> None:
        self.arms.append(armed)

    def events(self) -> Sequence[TapEvent]:
        os.eventfd_read(self.event_fd)
        events, self._events = self._events, []
        return events

    def say(self, event: TapEvent) -> None:
        self._events.append(event)
        os.eventfd_write(self.event_fd, 1)

    def counters(self) -> Mapping[Point, TapCounters]:
        return self.counted

    def told(self, point: Point) -> ToldCounters | None:
        return self.heard.get(point)

    def close(self) -> None:
        self.closed = True
        os.close(self.event_fd)

    @property
    def interfaces(self) -> list[str]:
        return sorted(name for _, name, _ in self.running.values())

    def event(self, kind: EventKind, ifname: str, **more: object) -> TapEvent:
        point = next(point for point, (_, name, _) in self.running.items() if name == ifname)
        return TapEvent(kind, point, 5_000, **more)  # type: ignore[arg-type]


@dataclass(frozen=True)
class FakeEntry(Generic[T]):
    kind: Literal["put", "delete", "current"]
    key: str = ""
    value: T | None = None
    revision: int = 0


class FakeStore(Generic[T]):
    """A bucket in memory, shared by all who hold it; `away` makes every call raise SourceLost."""

    def __init__(self) -> None:
        self.entries: dict[str, tuple[T, int]] = {}
        self.away = False
        self.writes = 0
        self.refused = 0
        self._revision = 0
        self.ttls: dict[str, float] = {}
        self._watchers: list[tuple[str, asyncio.Queue[FakeEntry[T]]]] = []

    async def items(self, keys: str = ">") -> dict[str, T]:
        self._reach()
        return {key: value for key, (value, _) in self.entries.items() if _concerns(keys, key)}

    async def latest(self, limit: int, *, before: int = 0) -> list[FakeEntry[T]]:
        self._reach()
        entries = [FakeEntry("put", key, value, revision) for key, (value, revision) in self.entries.items()]
        entries.sort(key=lambda entry: -entry.revision)
        return [entry for entry in entries if not before or entry.revision < before][:limit]

    async def put(self, key: str, value: T, *, ttl_s: float = 0) -> int:
        self._reach()
        self.ttls[key] = ttl_s
        self._revision += 1
        self.writes += 1
        self.entries[key] = (value, self._revision)
        self._tell(FakeEntry("put", key, value, self._revision))
        return self._revision

    async def create(self, key: str, value: T) -> int:
        if key in self.entries:
            raise Conflict(key)
        return await self.put(key, value)

    async def update(self, key: str, value: T, revision: int, *, ttl_s: float = 0) -> int:
        if key not in self.entries or self.entries[key][1] != revision:
            raise Conflict(key)
        return await self.put(key, value, ttl_s=ttl_s)

    async def delete(self, key: str, *, revision: int | None = None) -> bool:
        self._reach()
        if revision is not None and key in self.entries and self.entries[key][1] != revision:
            raise Conflict(key)
        self._revision += 1
        found = self.entries.pop(key, None)
        self._tell(FakeEntry("delete", key, None, self._revision))
        return found is not None

    async def watch(self, keys: str = ">") -> AsyncIterator[FakeEntry[T]]:
        queue: asyncio.Queue[FakeEntry[T]] = asyncio.Queue()
        self._watchers.append((keys, queue))
        for key, (value, revision) in list(self.entries.items()):
            if _concerns(keys, key):
                yield FakeEntry("put", key, value, revision)
        yield FakeEntry("current")
        while True:
            yield await queue.get()

    def _reach(self) -> None:
        if self.away:
            self.refused += 1
            raise SourceLost("the bus is away")

    def _tell(self, entry: FakeEntry[T]) -> None:
        for keys, queue in self._watchers:
            if _concerns(keys, entry.key):
                queue.put_nowait(entry)


def _concerns(keys: str, key: str) -> bool:
    if keys.endswith(">"):
        return key.startswith(keys.removesuffix(">"))
    return key.endswith(keys.removeprefix("*"))


class FakeLease:
    """Held from the beginning unless `free` is cleared."""

    def __init__(self) -> None:
        self.free = asyncio.Event()
        self.free.set()

    async def run(self, work: Callable[[], Awaitable[None]]) -> None:
        await self.free.wait()
        await work()


async def until(condition: Callable[[], bool]) -> None:
    """Wait, without a fixed time, until something that other tasks bring about is so."""
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - the condition has no event to wait on
            await asyncio.sleep(0)
