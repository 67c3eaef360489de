# SPDX-License-Identifier: Apache-2.0
"""Sinks of types `nats` and `kafka`: flow records of a capture, published one JSON object a message.

What waits is bounded by bytes for each sink; what finds no room, or does not reach the server, is counted with its
reason for the interface that it came from. The server is told nothing twice: what was on its way when a connection
broke is counted as lost.
"""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, Protocol

from netsonde.aio import backoff, spawn
from netsonde.aio.tasks import HealthSink
from netsonde.captures.sinks import publishes, sinks_of, target_of
from netsonde.errors import SourceLost, UserError
from netsonde.model.captures import Capture, Sink, SinkStatus

QUEUE_BYTES: Final = 8 << 20
"""Bytes of messages that wait for one sink."""
MOST_IN_FLIGHT: Final = 512
"""Messages that are sent before the server is asked whether it has them."""
_FLUSH_WITHIN: Final = 5.0
_RETRY: Final = (0.5, 30.0)
LINGER: Final = 5.0
"""Seconds for which a sink that was given up waits for the last reports of its flows."""
_FULL: Final = "the queue of this sink is full"


class TopicLink(Protocol):
    """A connection to a server; every method raises SourceLost when it is broken."""

    async def publish(self, subject: str, data: bytes, key: str) -> None:
        """`key` tells whose flows they are: a server with partitions keeps messages of one key in order."""
        ...

    async def flush(self, timeout: float) -> None: ...
    async def close(self) -> None: ...


Connect = Callable[[str], Awaitable[TopicLink]]
"""Opens a connection to a server as `sinks.target_of` writes it; raises SourceLost or UserError."""
Split = Callable[[bytes, list[str]], Iterable[tuple[str, str, bytes]]]
"""`_native.flow_messages`."""


@dataclass(slots=True, eq=False)
class Topic:
    """One sink of one capture. Counters are by TID of the node whose flows they are."""

    kind: str
    server: str
    subject: str
    waiting: deque[tuple[str, bytes]] = field(default_factory=deque)
    waiting_bytes: int = 0
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    idle: asyncio.Event = field(default_factory=asyncio.Event)
    sent: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)
    reason: str = ""

    def __post_init__(self) -> None:
        self.idle.set()

    def offer(self, node: str, message: bytes) -> None:
        if self.waiting_bytes + len(message) > QUEUE_BYTES:
            self.dropped[node] += 1
            self.reason = _FULL
            return
        self.waiting.append((node, message))
        self.waiting_bytes += len(message)
        self.arrived.set()
        self.idle.clear()

    def take(self) -> list[tuple[str, bytes]]:
        taken = [self.waiting.popleft() for _ in range(min(len(self.waiting), MOST_IN_FLIGHT))]
        self.waiting_bytes -= sum(len(message) for _, message in taken)
        if not self.waiting:
            self.arrived.clear()
        return taken

    async def run(self, connect: Connect) -> None:
        """Send what is offered, for ever; connects when there is something to send."""
        delays = backoff(*_RETRY)
        while True:
            await self.arrived.wait()
            before = self.sent.total()
            try:
                await self._send_over(await connect(self.server))
            except (SourceLost, UserError) as lost:
                self.reason = str(lost)
            if self.sent.total() > before:
                delays = backoff(*_RETRY)
            await asyncio.sleep(next(delays))

    async def _send_over(self, link: TopicLink) -> None:
        try:
            while True:
                await self.arrived.wait()
                await self._send(link, self.take())
        finally:
            await link.close()

    async def _send(self, link: TopicLink, messages: Sequence[tuple[str, bytes]]) -> None:
        nodes = Counter(node for node, _ in messages)
        try:
            for node, message in messages:
                await link.publish(self.subject, message, node)
            await link.flush(_FLUSH_WITHIN)
        except BaseException:
            self.dropped.update(nodes)
            raise
        else:
            self.sent.update(nodes)
            self.reason = ""
        finally:
            # Lost or not: nobody waits for what is no longer there.
            if not self.waiting:
                self.idle.set()


class Topics:
    """The sinks of all captures on this agent that publish messages."""

    def __init__(self, split: Split | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._split = split
        self._clock = clock
        self._wanted: dict[str, list[Topic]] = {}
        self._leaving: list[tuple[float, str, Topic]] = []
        """Of captures that were changed or deleted, with the time until which their last reports are waited for."""
        self._changed = asyncio.Event()
        self.abandoned = 0
        """Messages that could not be sent before their capture was given up."""

    def want(self, capture: Capture) -> None:
        """Have the sinks of a capture, instead of those that it had."""
        places = [_place(capture, sink) for sink in sinks_of(capture) if publishes(sink)]
        known = self._wanted.get(capture.uuid, [])
        if places == [(topic.kind, topic.server, topic.subject) for topic in known]:
            return
        self.forget(capture.uuid)
        if places:
            self._wanted[capture.uuid] = [Topic(*place) for place in places]
        self._changed.set()

    def forget(self, capture: str) -> None:
        """Give up the sinks of a capture, when its last reports have gone out."""
        until = self._clock() + LINGER if capture in self._wanted else 0.0
        self._leaving += [(until, capture, topic) for topic in self._wanted.pop(capture, [])]
        self._changed.set()

    def offer(self, reports: bytes) -> None:
        """Queue the flows of an Arrow stream for the sinks of their captures."""
        topics = [*((capture, topic) for _, capture, topic in self._leaving)]
        topics += [(capture, topic) for capture, wanted in self._wanted.items() for topic in wanted]
        if not topics or self._split is None:
            return
        for capture, node, message in self._split(reports, list({capture for capture, _ in topics})):
            for whose, topic in topics:
                if whose == capture:
                    topic.offer(node, message)

    def status(self, capture: str, node: str) -> list[SinkStatus]:
        """Return how the sinks of a capture fare with the flows of one node."""
        return [
            SinkStatus(topic.kind, topic.sent[node], topic.dropped[node], topic.reason)
            for topic in self._wanted.get(capture, ())
        ]

    async def run(self, connect: Connect, health: HealthSink) -> None:
        """Keep a task for each sink until cancelled."""
        health.running()
        tasks: dict[int, asyncio.Task[None]] = {}
        async with asyncio.TaskGroup() as group:
            while True:
                self._changed.clear()
                topics = {id(topic): topic for topic in self._all()}
                for key in tasks.keys() - topics.keys():
                    tasks.pop(key).cancel()
                for key in topics.keys() - tasks.keys():
                    tasks[key] = spawn(group, topics[key].run(connect), "captures.topic")
                with suppress(TimeoutError):
                    async with asyncio.timeout(LINGER if self._leaving else None):
                        await self._changed.wait()

    async def drain(self) -> None:
        """Return when everything that waits has gone out."""
        for topic in self._all():
            await topic.idle.wait()

    def _all(self) -> list[Topic]:
        now = self._clock()
        over = [topic for until, _, topic in self._leaving if until <= now]
        self.abandoned += sum(len(topic.waiting) for topic in over)
        self._leaving = [one for one in self._leaving if one[0] > now]
        return [topic for wanted in self._wanted.values() for topic in wanted] + [one[2] for one in self._leaving]


def _place(capture: Capture, sink: Sink) -> tuple[str, str, str]:
    return sink.type, target_of(sink), sink.subject or f"flows.{capture.uuid}"
