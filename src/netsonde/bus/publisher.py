# SPDX-License-Identifier: Apache-2.0
"""From memory to the spool, from the spool to JetStream, out of the spool when it is stored there.

`offer` never blocks and never waits. Two loops: one empties memory into the spool as fast as the disk goes, the
other sends what is in the spool, in order, a window ahead of the acknowledgements. A report is sent again until it
is acknowledged, always under the same id, so that the server stores it once.
"""

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from netsonde.aio import backoff, spawn
from netsonde.bus.spool import Spool, Spooled
from netsonde.bus.subjects import ReportKind, report_subject
from netsonde.errors import NotFound, SourceLost
from netsonde.observe import Health, logger

if TYPE_CHECKING:
    from netsonde.bus.connection import Bus
    from netsonde.bus.jetstream import JetStream

R = TypeVar("R")
log = logger("bus.publisher")

_MEMORY_BYTES = 128 * 1024 * 1024
"""A thousand first packets of a bulk transfer, 64 KiB each as segmentation offload makes them, twice over."""
_HEADER_BYTES = 512
_WINDOW = 256
_WINDOW_BYTES = 16 * 1024 * 1024


class SpooledPublisher:
    """Publishes the reports of one kind of one host. `run` in a task group; `offer` from anywhere on the loop.

    Counters in the bus's health: `<kind>_offered`, `_sent`, `_dropped`, `_spooled` (now), `_spool_errors`.
    """

    def __init__(self, bus: "Bus", kind: ReportKind, host: str, directory: Path) -> None:
        self._bus = bus
        self._kind: ReportKind = kind
        self._subject = report_subject(kind, host)
        self._path = directory / f"{kind}.spool"
        self._memory: deque[bytes] = deque()
        self._memory_bytes = 0
        self._offered = asyncio.Event()
        self._stored = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"spool-{kind}")
        self._spool: Spool | None = None

    @property
    def health(self) -> Health:
        return self._bus.health

    def offer(self, payload: bytes) -> None:
        """Take a report. What memory cannot hold (the disk is slower than the reports) is dropped, oldest first."""
        self._memory.append(payload)
        self._memory_bytes += len(payload)
        self._count("offered")
        while self._memory_bytes > _MEMORY_BYTES and len(self._memory) > 1:
            self._memory_bytes -= len(self._memory.popleft())
            self._count("dropped")
        self._idle.clear()
        self._offered.set()

    async def drained(self) -> None:
        """Wait until the bus has stored everything that was offered."""
        await self._idle.wait()

    async def run(self) -> None:
        """Work until cancelled; what is still in memory then is put into the spool."""
        self._spool = await self._open()
        self._count("spool_errors", self._spool.reset)
        if self._spool.count:
            self._idle.clear()
        self._stored.set()
        try:
            async with asyncio.TaskGroup() as group:
                spawn(group, self._store(), f"bus.{self._kind}.store")
                spawn(group, self._send(), f"bus.{self._kind}.send")
        finally:
            self._thread.submit(self._finish, self._spool, self._take_memory()).result(timeout=5)
            self._thread.shutdown(wait=False)

    async def _open(self) -> Spool:
        """Open the spool, again and again while the disk does not let us: memory holds the reports meanwhile."""
        delays = backoff(0.5, 10.0)
        while True:
            try:
                return await self._in_thread(lambda: Spool(self._path, self._bus.settings.spool_bytes))
            except (OSError, sqlite3.OperationalError) as failed:
                self._count("spool_errors")
                log.error("the spool cannot be opened, and is tried again", path=str(self._path), reason=str(failed))
                await asyncio.sleep(next(delays))

    def _finish(self, spool: Spool, rest: list[bytes]) -> None:
        try:
            if rest:
                spool.append(rest)
        except sqlite3.OperationalError as failed:
            log.warning("cannot spool reports", kind=self._kind, reason=str(failed), lost=len(rest))
        finally:
            spool.close()

    def _take_memory(self) -> list[bytes]:
        taken = list(self._memory)
        self._memory.clear()
        self._memory_bytes = 0
        return taken

    async def _store(self) -> None:
        spool = self._opened()
        while True:
            await self._offered.wait()
            self._offered.clear()
            taken = self._take_memory()
            if not taken:
                continue
            dropped = spool.dropped
            try:
                await self._in_thread(lambda taken=taken: spool.append(taken))  # type: ignore[misc]
            except sqlite3.Error as failed:
                # A full disk: these reports are lost, later ones may fit again.
                self._count("spool_errors")
                self._count("dropped", len(taken))
                log.warning("cannot spool reports", kind=self._kind, reason=str(failed), lost=len(taken))
                await asyncio.sleep(0.5)
            self._count("dropped", spool.dropped - dropped)
            self._stored.set()

    async def _send(self) -> None:
        delays = backoff(0.05, 5.0)
        while True:
            await self._stored.wait()
            await self._bus.wait_connected()
            try:
                await self._send_all()
                delays = backoff(0.05, 5.0)
            except (SourceLost, NotFound) as lost:
                log.debug("reports are kept in the spool", kind=self._kind, reason=str(lost))
                self._count("send_failures")
                # They are there still, whether or not another one is offered.
                self._stored.set()
                await asyncio.sleep(next(delays))
            except sqlite3.OperationalError as failed:
                # Even taking something out needs room on the disk. What stays is sent again, and stored once.
                self._count("spool_errors")
                log.warning("the spool cannot be used, and is tried again", kind=self._kind, reason=str(failed))
                self._stored.set()
                await asyncio.sleep(next(delays))

    async def _send_all(self) -> None:
        """Send until the spool is empty, a window at a time."""
        spool = self._opened()
        jetstream = await self._bus.ensure_reports(self._kind)
        while True:
            self._stored.clear()
            window = await self._in_thread(lambda: spool.read(0, _WINDOW, _WINDOW_BYTES))
            self.health.gauge(f"{self._kind}_spooled", spool.count)
            if not window:
                if not self._memory and not self._stored.is_set():
                    self._idle.set()
                return
            await self._send_window(jetstream, spool, window)

    async def _send_window(self, jetstream: "JetStream", spool: Spool, window: list[Spooled]) -> None:
        longest = jetstream.link.max_payload - _HEADER_BYTES
        too_long = [report for report in window if len(report.payload) > longest]
        if too_long:
            # The server would refuse them for ever, and all that waits behind them would wait as long.
            await self._in_thread(lambda: spool.remove(too_long))
            self._count("dropped", len(too_long))
            log.error("reports are longer than the bus takes", kind=self._kind, lost=len(too_long), most=longest)
            window = [report for report in window if len(report.payload) <= longest]
        # Started in order on one connection, hence stored in order.
        answers = await asyncio.gather(
            *(self._publish(jetstream, spool.name, report) for report in window), return_exceptions=True
        )
        stored = [report for report, answer in zip(window, answers, strict=True) if isinstance(answer, int)]
        if stored:
            await self._in_thread(lambda: spool.remove(stored))
            self._count("sent", len(stored))
        for answer in answers:
            if isinstance(answer, BaseException):
                # A stream that is gone has to be made anew before the next attempt.
                self._bus.forget_streams()
                raise answer

    async def _publish(self, jetstream: "JetStream", spool: str, report: Spooled) -> int:
        message_id = f"{spool}-{report.number}"
        return await jetstream.publish(self._subject, report.payload, {"Nats-Msg-Id": message_id})

    def _opened(self) -> Spool:
        assert self._spool is not None
        return self._spool

    async def _in_thread(self, work: Callable[[], R]) -> R:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _count(self, counter: str, by: int = 1) -> None:
        self.health.count(f"{self._kind}_{counter}", by)
