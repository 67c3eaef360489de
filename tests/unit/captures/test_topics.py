# SPDX-License-Identifier: Apache-2.0
"""Sinks of type `nats`, without a server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from netsonde.aio import spawn
from netsonde.captures import topics as module
from netsonde.captures.topics import QUEUE_BYTES, Topics
from netsonde.errors import SourceLost
from netsonde.model.captures import Capture, Sink, SinkStatus
from netsonde.observe import Health

SERVER = Sink("nats", "192.0.2.1")


def capture(*sinks: Sink, uuid: str = "c1") -> Capture:
    return Capture(uuid=uuid, sinks=list(sinks))


def split(reports: bytes, captures: list[str]) -> list[tuple[str, str, bytes]]:
    """Reports of these tests are lines of "capture node message"."""
    found = [line.split(b" ") for line in reports.splitlines()]
    return [(c.decode(), node.decode(), message) for c, node, message in found if c.decode() in captures]


class Server:
    """Takes messages, or refuses: `refusals` are raised by the next flushes."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, str, bytes]] = []
        self.refusals: list[Exception] = []
        self.keys: set[str] = set()
        self.connections = 0

    async def connect(self, address: str) -> "Connection":
        self.connections += 1
        return Connection(self, address)


class Connection:
    def __init__(self, server: Server, address: str) -> None:
        self._server = server
        self._address = address

    async def publish(self, subject: str, data: bytes, key: str) -> None:
        if not self._server.refusals:
            self._server.taken.append((self._address, subject, data))
            self._server.keys.add(key)

    async def flush(self, timeout: float) -> None:
        if self._server.refusals:
            raise self._server.refusals.pop(0)

    async def close(self) -> None:
        pass


@asynccontextmanager
async def running(topics: Topics, server: Server) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        task = spawn(group, topics.run(server.connect, Health("sinks")), "sinks")
        yield
        task.cancel()


async def test_flows_go_to_every_sink_of_their_capture_and_are_counted_by_node() -> None:
    topics, server = Topics(split), Server()
    async with running(topics, server):
        topics.want(capture(SERVER, Sink("nats", "tls://192.0.2.2:4333", subject="lab.flows")))
        topics.want(capture(uuid="c2"))
        topics.offer(b"c1 n1 a\nc1 n2 b\nc2 n1 c")
        await topics.drain()
    assert sorted(server.taken) == [
        ("nats://192.0.2.1:4222", "flows.c1", b"a"),
        ("nats://192.0.2.1:4222", "flows.c1", b"b"),
        ("tls://192.0.2.2:4333", "lab.flows", b"a"),
        ("tls://192.0.2.2:4333", "lab.flows", b"b"),
    ]
    assert topics.status("c1", "n1") == [SinkStatus("nats", 1), SinkStatus("nats", 1)]
    assert topics.status("c2", "n1") == []


async def test_what_was_on_its_way_when_the_connection_broke_is_counted_and_the_rest_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_RETRY", (0.001, 0.001))
    monkeypatch.setattr(module, "MOST_IN_FLIGHT", 1)
    topics, server = Topics(split), Server()
    server.refusals.append(SourceLost("the server does not answer"))
    async with running(topics, server):
        topics.want(capture(SERVER))
        topics.offer(b"c1 n1 a\nc1 n1 b")
        await topics.drain()
    assert [message for _, _, message in server.taken] == [b"b"]
    assert topics.status("c1", "n1") == [SinkStatus("nats", 1, 1)]
    assert server.connections == 2


async def test_without_a_server_what_waits_is_bounded_and_the_reason_told() -> None:
    topics = Topics(split)
    topics.want(capture(SERVER))
    half = b"x" * (QUEUE_BYTES // 2)
    topics.offer(b"\n".join(b"c1 n1 " + half for _ in range(5)))
    assert topics.status("c1", "n1") == [SinkStatus("nats", 0, 3, "the queue of this sink is full")]


async def test_the_last_flows_of_a_capture_that_was_deleted_go_out() -> None:
    topics, server = Topics(split), Server()
    async with running(topics, server):
        topics.want(capture(SERVER))
        topics.forget("c1")
        topics.offer(b"c1 n1 last")
        await topics.drain()
    assert [message for _, _, message in server.taken] == [b"last"]
    assert topics.status("c1", "n1") == []


async def test_a_sink_that_lingered_is_given_up_and_what_waits_is_counted() -> None:
    now = [0.0]
    topics = Topics(split, clock=lambda: now[0])
    topics.want(capture(SERVER))
    topics.offer(b"c1 n1 a")
    topics.forget("c1")
    now[0] = module.LINGER
    await topics.drain()
    assert topics.abandoned == 1


async def test_kafka_is_served_like_nats_and_told_whose_flows_they_are() -> None:
    topics, server = Topics(split), Server()
    topics.want(capture(Sink("kafka", "192.0.2.3"), Sink("kafka", "kafka+tls://[2001:db8::1]:9093", subject="t")))
    topics.offer(b"c1 n1 a")
    async with running(topics, server):
        await topics.drain()
    assert sorted(server.taken) == [
        ("kafka+tls://[2001:db8::1]:9093", "t", b"a"),
        ("kafka://192.0.2.3:9092", "flows.c1", b"a"),
    ]
    assert server.keys == {"n1"}
    assert [status.type for status in topics.status("c1", "n1")] == ["kafka", "kafka"]


async def test_starting_again_with_the_same_sinks_keeps_what_waits() -> None:
    topics, server = Topics(split), Server()
    topics.want(capture(SERVER))
    topics.offer(b"c1 n1 a")
    topics.want(capture(SERVER, Sink("ipfix", "192.0.2.9")))
    async with running(topics, server):
        await topics.drain()
    assert len(server.taken) == 1


async def test_nobody_waits_for_what_was_lost_on_its_way() -> None:
    topics, server = Topics(split), Server()
    server.refusals = [SourceLost("the connection broke")]
    async with running(topics, server):
        topics.want(capture(SERVER))
        topics.offer(b"c1 n1 a")
        async with asyncio.timeout(20):
            await topics.drain()
        assert topics.status("c1", "n1") == [SinkStatus("nats", 0, 1, "the connection broke")]
