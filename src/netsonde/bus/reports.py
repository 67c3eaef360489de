# SPDX-License-Identifier: Apache-2.0
"""Reports of agents (flows, metrics, packets): published through a spool, consumed with acks.

A consumer is durable and shared by all analyzers. It acknowledges after the insert: what an analyzer had taken when
it was killed is given to the next one.
"""

import asyncio
import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from nats.aio.msg import Msg

from netsonde.aio import backoff
from netsonde.bus.jetstream import API, JetStream
from netsonde.bus.link import Link, OpenInbox, status_of
from netsonde.bus.publisher import SpooledPublisher
from netsonde.bus.subjects import MAX_PAYLOAD, STREAMS, ReportKind, host_of
from netsonde.errors import NotFound, SourceLost
from netsonde.observe import logger

if TYPE_CHECKING:
    from netsonde.bus.connection import Bus

log = logger("bus.reports")

_NS = 1_000_000_000
_ACK_WAIT = 20.0
_PULL_EXPIRES = 5.0
_PULL_HEARTBEAT = 2.0


class ReportPublisher(SpooledPublisher):
    """Publishes opaque reports, such as Arrow batches of flows; see `SpooledPublisher`."""

    def __init__(self, bus: "Bus", kind: ReportKind, host: str, directory: Path) -> None:
        super().__init__(bus, kind, host, directory)


@dataclass(frozen=True, slots=True)
class Report:
    """One report as it was offered by the agent of `host`."""

    host: str
    data: bytes


@dataclass(slots=True)
class ReportBatch:
    """Reports to be stored together; `ack` once they are."""

    reports: list[Report] = field(default_factory=list)
    size: int = 0
    is_settled: bool = False
    """Whether the bus knows what became of the reports."""
    _replies: list[str] = field(default_factory=list)
    _link: Link | None = None

    @property
    def payloads(self) -> list[bytes]:
        return [report.data for report in self.reports]

    def add(self, message: Msg, link: Link) -> None:
        self.reports.append(Report(host_of(message.subject), message.data))
        self.size += len(message.data)
        self._replies.append(message.reply)
        self._link = link

    async def ack(self) -> None:
        """Tell the bus that the reports are stored. Raises SourceLost: then they come again, and are stored again."""
        await self._answer(b"+ACK")

    async def refuse(self) -> None:
        """Give the reports back; they come again after a moment."""
        await self._answer(b'-NAK {"delay": 1000000000}')

    async def _answer(self, answer: bytes) -> None:
        assert self._link is not None
        for reply in self._replies:
            await self._link.publish(reply, answer)
        self.is_settled = True


class ReportConsumer:
    """Takes reports of one kind off the bus, in batches of up to `within` seconds or `max_bytes`.

    What was taken and is not acknowledged within `ack_wait` seconds is given out again.
    """

    def __init__(
        self,
        bus: "Bus",
        kind: ReportKind,
        *,
        durable: str = "history",
        within: float = 1.0,
        max_bytes: int = 32 * 1024 * 1024,
        max_reports: int = 1000,
        ack_wait: float = _ACK_WAIT,
    ) -> None:
        self._bus = bus
        self._kind: ReportKind = kind
        self._durable = durable
        self._within = within
        self._max_bytes = max_bytes
        self._max_reports = max_reports
        self._ack_wait = ack_wait
        self._in_hand = ReportBatch()

    async def batches(self) -> AsyncGenerator[ReportBatch, None]:
        """Yield batches for ever, over lost connections; one at a time, the next after the former is done with."""
        delays = backoff(0.05, 5.0)
        while True:
            try:
                async for batch in self._life():
                    delays = backoff(0.05, 5.0)
                    self._bus.health.count(f"{self._kind}_received", len(batch.reports))
                    yield batch
            except (SourceLost, NotFound) as lost:
                log.debug("consumer interrupted", kind=self._kind, reason=str(lost))
                self._bus.health.count(f"{self._kind}_consumer_resumed")
                self._bus.forget_streams()
                await self._bus.wait_connected()
                await asyncio.sleep(next(delays))

    def unsettled(self) -> ReportBatch | None:
        """Return what was taken and is not settled, once `batches` has ended: stored at once it need not come again."""
        return self._in_hand if self._in_hand.reports and not self._in_hand.is_settled else None

    async def _life(self) -> AsyncGenerator[ReportBatch, None]:
        jetstream = await self._bus.ensure_reports(self._kind)
        plan = STREAMS[self._kind]
        await jetstream.create_consumer(plan.name, self._durable, self._consumer())
        opened = await jetstream.link.open_inbox(limit=10 * self._max_reports)
        pull = f"{API}.CONSUMER.MSG.NEXT.{plan.name}.{self._durable}"
        try:
            while True:
                self._in_hand = batch = ReportBatch()
                await self._collect(jetstream, opened, pull, batch)
                if batch.reports:
                    yield batch
        finally:
            await opened.close()
            if not self._in_hand.is_settled:
                for message in opened.inbox.take():
                    if not status_of(message):
                        self._in_hand.add(message, jetstream.link)

    def _consumer(self) -> dict[str, object]:
        return {
            "durable_name": self._durable,
            "ack_policy": "explicit",
            "ack_wait": int(self._ack_wait * _NS),
            "deliver_policy": "all",
            "max_ack_pending": 4 * self._max_reports,
            "max_deliver": -1,
        }

    async def _collect(self, jetstream: JetStream, opened: OpenInbox, pull: str, batch: ReportBatch) -> None:
        """Wait for a first report, then gather more until `within` has passed or the batch is full."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _PULL_EXPIRES
        while not self._is_full(batch) and (left := deadline - loop.time()) > 0.01:
            missing = await self._pull(jetstream, opened, pull, left, batch)
            while missing:
                message = await opened.inbox.get(3 * _PULL_HEARTBEAT + left, f"no answer of stream {self._kind}")
                status = status_of(message)
                if not status:
                    if not batch.reports:
                        deadline = loop.time() + self._within
                    batch.add(message, jetstream.link)
                    missing -= 1
                elif status != "100" and self._is_end(status, message):
                    break

    def _is_full(self, batch: ReportBatch) -> bool:
        return batch.size >= self._max_bytes or len(batch.reports) >= self._max_reports

    async def _pull(self, jetstream: JetStream, opened: OpenInbox, pull: str, left: float, batch: ReportBatch) -> int:
        """Ask for one report when there is none yet, then for as many as there is room for; return how many."""
        request: dict[str, int] = {"batch": 1, "expires": int(left * _NS)}
        if batch.reports:
            request["batch"] = self._max_reports - len(batch.reports)
            # Room for one message of any size at least, or a large one would never be given out.
            request["max_bytes"] = max(self._max_bytes - batch.size, MAX_PAYLOAD + 64 * 1024)
        if left > 2 * _PULL_HEARTBEAT:
            request["idle_heartbeat"] = int(_PULL_HEARTBEAT * _NS)
        await jetstream.link.publish(pull, json.dumps(request).encode(), reply=opened.subject)
        return request["batch"]

    @staticmethod
    def _is_end(status: str, message: Msg) -> bool:
        """Tell whether a control message ends a pull (404 nothing, 408 time is up, 409 limits); raise for others."""
        words = (message.headers or {}).get("Description", "")
        if status in ("404", "408") or (status == "409" and "exceed" in words.lower()):
            return True
        raise SourceLost(f"consumer ended: {status} {words}")
