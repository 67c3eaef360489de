# SPDX-License-Identifier: Apache-2.0
"""From the bus into history: batches are acknowledged, or the position moved on, once their rows are stored."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing, suppress
from typing import Protocol

import msgspec

from netsonde.aio import backoff
from netsonde.errors import SourceLost
from netsonde.history.history import History
from netsonde.model.topology import InterfaceMetric, TopologyBatch, TopologySnapshot
from netsonde.observe import Health, logger

log = logger("history.recording")

_SNAPSHOT_RETRY = 5.0
_LAST_WRITE = 2.0
"""Seconds for what is in hand at a stop, which may take five."""


class Batches(Protocol):
    """Batches of the topology stream and the position of the last one."""

    @property
    def batches(self) -> list[TopologyBatch]: ...
    @property
    def position(self) -> int: ...


class TopologyStream(Protocol):
    """`netsonde.bus.TopologyLog`."""

    def batches(self, after: int) -> AsyncGenerator[Batches, None]: ...


class Reports(Protocol):
    """`netsonde.bus.ReportBatch`."""

    @property
    def payloads(self) -> list[bytes]: ...
    async def ack(self) -> None: ...


class ReportStream(Protocol):
    """`netsonde.bus.ReportConsumer`."""

    def batches(self) -> AsyncGenerator[Reports, None]: ...
    def unsettled(self) -> Reports | None: ...


Fetch = Callable[[str], Awaitable[TopologySnapshot]]
Write = Callable[[Sequence[bytes]], Awaitable[None]]


async def record_topology(history: History, stream: TopologyStream, fetch: Fetch) -> None:
    """Record the topology of all hosts until cancelled. One analyzer at a time: run it under a lease.

    `fetch` returns the snapshot of a host, or raises SourceLost when its agent is away: asked again later.
    """
    await history.reload_topology()
    loop = asyncio.get_running_loop()
    asked: dict[str, float] = {}
    async with aclosing(stream.batches(history.topology_position)) as found:
        async for batch in found:
            unsettled = await _patiently(lambda batch=batch: history.write_changes(batch.batches, batch.position))  # type: ignore[misc]
            for host in unsettled:
                if asked.get(host, 0.0) > loop.time():
                    continue
                asked[host] = loop.time() + _SNAPSHOT_RETRY
                try:
                    snapshot = await fetch(host)
                except SourceLost as lost:
                    log.debug("no snapshot for history", host=host, reason=str(lost))
                    continue
                await _patiently(lambda snapshot=snapshot: history.write_snapshot(snapshot))  # type: ignore[misc]


async def _patiently(write: Callable[[], Awaitable[list[str] | None]]) -> list[str]:
    """Write, again and again while the database is away; the bus keeps what comes meanwhile."""
    for delay in backoff(0.2, 10.0):
        try:
            return await write() or []
        except SourceLost:
            await asyncio.sleep(delay)
    raise AssertionError("back-off ends")


async def record_reports(stream: ReportStream, write: Write) -> None:
    """Record reports (`History.write_flows`, `write_packets`, `metrics_writer`) until cancelled, and then the rest.

    What was taken and is not recorded at a stop would come again only after the bus's patience.
    """
    try:
        async with aclosing(stream.batches()) as found:
            async for batch in found:
                try:
                    await _record(batch, write)
                except SourceLost as lost:
                    # Not acknowledged: the bus gives the batch out again after a while.
                    log.warning("reports are not recorded yet", reason=str(lost))
                    await asyncio.sleep(1.0)
    except asyncio.CancelledError:
        rest = stream.unsettled()
        if rest is not None:
            with suppress(SourceLost, TimeoutError):
                async with asyncio.timeout(_LAST_WRITE):
                    await _record(rest, write)
        raise


async def _record(batch: Reports, write: Write) -> None:
    await write(batch.payloads)
    await batch.ack()


def metrics_writer(history: History, health: Health) -> Write:
    """Return a writer of reports that are JSON lists of InterfaceMetric; others are counted and left out."""
    decoder = msgspec.json.Decoder(list[InterfaceMetric])

    async def write(payloads: Sequence[bytes]) -> None:
        metrics: list[InterfaceMetric] = []
        for payload in payloads:
            try:
                metrics += decoder.decode(payload)
            except msgspec.MsgspecError as bad:
                health.count("metric_batches_refused")
                log.warning("a report of metrics is refused", reason=str(bad))
        await history.write_metrics(metrics)

    return write
