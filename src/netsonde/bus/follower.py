# SPDX-License-Identifier: Apache-2.0
"""The live graphs of all hosts, for an analyzer: a snapshot of each, then every batch, in order, without a gap."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from netsonde.aio import backoff, spawn
from netsonde.bus.jetstream import Delivery
from netsonde.bus.ordered import deliveries
from netsonde.bus.subjects import STREAMS, host_of
from netsonde.bus.topology import decode_batch, fetch_snapshot
from netsonde.errors import NotFound, SourceLost, UserError, WireError
from netsonde.model.topology import TopologyBatch, TopologySnapshot
from netsonde.observe import logger

if TYPE_CHECKING:
    from netsonde.bus.connection import Bus

log = logger("bus.follower")

_HELD_BATCHES = 20_000
_ATTEMPTS = 8
_CONCURRENT_SNAPSHOTS = 8

OnSnapshot = Callable[[TopologySnapshot], object]
OnBatch = Callable[[TopologyBatch], object]


@dataclass(slots=True)
class HostProgress:
    """How far one host's graph is known. Pure: no I/O, tested alone.

    `feed` and `settle` return the batches that are to be applied now; `wants_snapshot` says what is missing.
    """

    epoch: str = ""
    sequence: int = 0
    wants_snapshot: bool = True
    held: list[TopologyBatch] = field(default_factory=list)
    overflowed: bool = False

    def feed(self, batch: TopologyBatch) -> list[TopologyBatch]:
        """Take a batch from the stream."""
        if not self.wants_snapshot:
            if batch.epoch == self.epoch and batch.sequence <= self.sequence:
                return []
            if batch.epoch == self.epoch and batch.sequence == self.sequence + 1:
                self.sequence = batch.sequence
                return [batch]
            self.wants_snapshot = True
        if len(self.held) >= _HELD_BATCHES:
            self.held.clear()
            self.overflowed = True
        self.held.append(batch)
        return []

    def settle(self, snapshot: TopologySnapshot) -> list[TopologyBatch]:
        """Take a snapshot that was asked for; batches held meanwhile follow it as far as they fit."""
        held, self.held = self.held, []
        self.epoch, self.sequence = snapshot.epoch, snapshot.sequence
        self.wants_snapshot = False
        ready: list[TopologyBatch] = []
        # Batches of other epochs are of former runs, or of a newer one: its next batch will tell.
        for batch in held:
            if batch.epoch == snapshot.epoch:
                ready += self.feed(batch)
        return ready


class TopologyFollower:
    """Calls `on_snapshot` and `on_batch` on the loop, for each host in order. `run` it until cancelled.

    `hosts` says which hosts are in (True) or still waited for (False).
    """

    def __init__(self, bus: "Bus", on_snapshot: OnSnapshot, on_batch: OnBatch) -> None:
        self._bus = bus
        self._on_snapshot = on_snapshot
        self._on_batch = on_batch
        self._progress: dict[str, HostProgress] = {}
        self._fetching: dict[str, asyncio.Task[None]] = {}
        self._slots = asyncio.Semaphore(_CONCURRENT_SNAPSHOTS)
        self._position: int | None = None
        self.caught_up = asyncio.Event()
        """Set when everything that the stream held at the start has been read."""

    @property
    def hosts(self) -> dict[str, bool]:
        return {host: not progress.wants_snapshot for host, progress in self._progress.items()}

    async def run(self) -> None:
        """Follow for ever, over lost connections."""
        async with asyncio.TaskGroup() as group:
            delays = backoff(0.05, 2.0)
            while True:
                try:
                    await self._life(group)
                except (SourceLost, NotFound) as lost:
                    log.debug("follower interrupted", reason=str(lost))
                    self._bus.health.count("topology_follower_resumed")
                    self._bus.forget_streams()
                await self._bus.wait_connected()
                await asyncio.sleep(next(delays))

    async def _life(self, group: asyncio.TaskGroup) -> None:
        jetstream = await self._bus.ensure_reports("topology")
        plan = STREAMS["topology"]
        if self._position is not None and await jetstream.last_sequence(plan.name) < self._position:
            self._position = None  # the stream was made anew
        # The last batch of each host tells who there is; each of them is then asked for a snapshot.
        reader = deliveries(jetstream, plan.name, plan.subjects, after=self._position)
        async with aclosing(reader):
            async for delivery in reader:
                if delivery is None:
                    self.caught_up.set()
                    continue
                self._position = delivery.sequence
                self._take(group, delivery)

    def _take(self, group: asyncio.TaskGroup, delivery: Delivery) -> None:
        host = host_of(delivery.subject)
        progress = self._progress.setdefault(host, HostProgress())
        try:
            batch = decode_batch(delivery.data, host)
        except WireError as bad:
            self._bus.health.count("topology_refused")
            log.warning("a topology batch is refused", host=host, reason=str(bad))
            progress.wants_snapshot = True
        else:
            for ready in progress.feed(batch):
                self._on_batch(ready)
        self._want(group, host, progress)

    def _want(self, group: asyncio.TaskGroup, host: str, progress: HostProgress) -> None:
        if not progress.wants_snapshot or host in self._fetching:
            return
        task = spawn_fetch(group, self._fetch(group, host, progress), host)
        self._fetching[host] = task

    async def _fetch(self, group: asyncio.TaskGroup, host: str, progress: HostProgress) -> None:
        """Ask for a snapshot; when the agent stays away its next batch asks again."""
        delays = backoff(0.1, 5.0)
        try:
            for _ in range(_ATTEMPTS):
                try:
                    async with self._slots:
                        snapshot = await fetch_snapshot(self._bus, host)
                    break
                except (SourceLost, UserError) as lost:
                    log.debug("no snapshot", host=host, reason=str(lost))
                    await asyncio.sleep(next(delays))
            else:
                self._bus.health.count("topology_snapshots_missing")
                return
            self._bus.health.count("topology_snapshots")
            self._on_snapshot(snapshot)
            for batch in progress.settle(snapshot):
                self._on_batch(batch)
        finally:
            del self._fetching[host]
        self._want(group, host, progress)


def spawn_fetch(group: asyncio.TaskGroup, work: "Awaitable[None]", host: str) -> asyncio.Task[None]:
    return spawn(group, work, f"bus.snapshot.{host}")  # type: ignore[arg-type]
